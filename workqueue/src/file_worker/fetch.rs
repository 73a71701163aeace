//! The first step: the item's file comes into the item's folder.

use std::{fs::File, io, io::Read, sync::Arc};

use bytes::{Bytes, BytesMut};
use entourage_core::planted;
use entourage_http::{Client, ClientLimits, Download, Upload};
use http::{HeaderValue, header, uri::PathAndQuery};

use super::{
    answer::{Answer, Asked, Told},
    failure::Failure,
    job::Job,
    local,
    location::Location,
    pace::Pace,
    partial::Partial,
};
use crate::{
    attempt::Attempt,
    digest::{base32, sha256},
    folder::{Folder, beside},
};

/// Bytes that are written at once.
const PIECE: usize = 256 * 1024;
/// Bytes that are copied at once.
const COPY: u64 = 8 * 1024 * 1024;

impl Job {
    /// Sees to it that the file is there; asks nobody if it is.
    ///
    /// # Cancel safety
    /// What was written stays, and is gone on with.
    pub(super) async fn fetch(&self, folder: &Folder, attempt: &Attempt) -> Result<(), Failure> {
        let location = self.location.as_ref().map_err(Clone::clone)?;
        let place = self.place(folder);
        let partial = Partial::new(place, base32(&sha256(location.whole().as_bytes()), 52));
        let known = partial.clone();
        if beside(move || known.is_whole()).await.map_err(|error| disk(&error))? {
            return Ok(());
        }
        // The last word, if it is cut off.
        attempt.explain(format!("{location} is being fetched"));
        let clock = &*self.settings.clock;
        let end = clock.now() + self.settings.limits.fetch_time;
        tokio::select! {
            biased;
            () = attempt.cancelled() => Err(Failure::Interrupted),
            fetched = self.fetched(location, &partial) => fetched,
            () = clock.sleep_until(end) => {
                let time = self.settings.limits.fetch_time;
                Err(Failure::retry(format!("{location} was not fetched within {time:?}; the next attempt goes on")))
            }
        }
    }

    async fn fetched(&self, location: &Location, partial: &Partial) -> Result<(), Failure> {
        let length = match location {
            Location::Http { host, target } => self.download(location, host, target, partial).await?,
            Location::File(parts) => self.copy(location, parts, partial).await?,
        };
        let whole = partial.clone();
        beside(move || whole.complete(length)).await.map_err(|error| disk(&error))?;
        self.settings.counts.fetched.increment();
        Ok(())
    }

    /// The length of what is there in the end.
    async fn download(
        &self,
        location: &Location,
        host: &str,
        target: &PathAndQuery,
        partial: &Partial,
    ) -> Result<u64, Failure> {
        let what = location.to_string();
        let client = self.settings.client(host)?;
        loop {
            let known = partial.clone();
            let asked = beside(move || known.asked()).await.map_err(|error| disk(&error))?;
            let answer = client.transfer(question(target, &asked)).await;
            let answer = answer.map_err(|error| Failure::unanswered(&what, &error))?;
            let (parts, body) = answer.into_parts();
            let known = partial.clone();
            let (opened, from, told) =
                match Answer::of(&what, &parts, &asked, self.settings.limits.input_bytes) {
                    Answer::Whole(told) => {
                        let begun = told.clone();
                        (beside(move || known.begin(&begun)).await, 0, told)
                    }
                    Answer::Rest(told) => {
                        self.settings.counts.resumed.increment();
                        (beside(move || known.resume()).await, asked.from, told)
                    }
                    Answer::Restart => {
                        beside(move || known.discard()).await.map_err(|error| disk(&error))?;
                        // Nothing is left that could be gone on with: the next answer is another.
                        continue;
                    }
                    Answer::Refused(failure) => return Err(failure),
                };
            let file = Arc::new(opened.map_err(|error| disk(&error))?);
            return self.written(&what, body, file, from, &told, partial).await;
        }
    }

    /// Writes what comes, and says how long the whole is.
    async fn written(
        &self,
        what: &str,
        mut body: Download,
        file: Arc<File>,
        from: u64,
        told: &Told,
        partial: &Partial,
    ) -> Result<u64, Failure> {
        let (clock, limits) = (&*self.settings.clock, &self.settings.limits);
        let mut pace = Pace::new(limits.rate, limits.silence, clock.now());
        let mut buffer = BytesMut::new();
        let mut length = from;
        let ended = loop {
            let piece = tokio::select! {
                biased;
                piece = body.piece() => piece,
                () = clock.sleep_until(pace.until()) => Ok(Some(Bytes::new())),
            };
            let piece = match piece {
                Ok(Some(piece)) => piece,
                Ok(None) => break Ok(()),
                Err(error) => break Err(Failure::unanswered(what, &error)),
            };
            if !pace.is_kept(piece.len() as u64, clock.now()) {
                break Err(Failure::retry(format!(
                    "{what} came slower than {} bytes a second",
                    limits.rate.max(1)
                )));
            }
            length += piece.len() as u64;
            if length > limits.input_bytes && !planted("file-worker-takes-without-end") {
                let why = format!("{what} has more than {} bytes; raise the limit", limits.input_bytes);
                return Err(Failure::Dead(why));
            }
            buffer.extend_from_slice(&piece);
            if buffer.len() >= PIECE {
                self.write(&file, buffer.split().freeze(), partial).await?;
            }
        };
        // What has come is kept, however it ended.
        self.write(&file, buffer.freeze(), partial).await?;
        ended?;
        if let Some(total) = told.total.filter(|total| *total != length) {
            return Err(Failure::retry(format!("{what} ended after {length} of {total} bytes")));
        }
        if let Some(wanted) = &told.sha256 {
            let known = partial.clone();
            let found = beside(move || known.digest()).await.map_err(|error| disk(&error))?;
            if found != *wanted && !planted("file-worker-ignores-digests") {
                let known = partial.clone();
                beside(move || known.discard()).await.map_err(|error| disk(&error))?;
                return Err(Failure::retry(format!("what came of {what} has not the digest that was told")));
            }
        }
        Ok(length)
    }

    async fn write(&self, file: &Arc<File>, bytes: Bytes, partial: &Partial) -> Result<(), Failure> {
        let (file, count) = (Arc::clone(file), bytes.len() as u64);
        // The folder stays this attempt's until the last byte is written.
        let held = partial.clone();
        let writing = beside(move || {
            let written = io::Write::write_all(&mut &*file, &bytes);
            drop(held);
            written
        });
        match writing.await {
            Ok(()) => {
                self.settings.counts.bytes_fetched.add(count);
                Ok(())
            }
            Err(error) => {
                // A full disk is left to the others.
                let held = partial.clone();
                if error.kind() == io::ErrorKind::StorageFull
                    && let Err(error) = beside(move || held.discard()).await
                {
                    tracing::warn!(%error, "what was fetched onto a full disk cannot be removed");
                }
                Err(disk(&error))
            }
        }
    }

    async fn copy(&self, location: &Location, parts: &[String], partial: &Partial) -> Result<u64, Failure> {
        let most = self.settings.limits.input_bytes;
        let (roots, parts) = (Arc::clone(&self.settings.roots), parts.to_vec());
        let opened = beside(move || Ok(local::open(&roots, &parts))).await.map_err(|error| disk(&error))?;
        let (source, total) = opened?;
        if total > most {
            return Err(Failure::dead(format!("{location} has {total} bytes, and {most} are the most")));
        }
        let known = partial.clone();
        let begun = beside(move || known.begin(&Told { total: Some(total), ..Told::default() })).await;
        let file = Arc::new(begun.map_err(|error| disk(&error))?);
        let source = Arc::new(source);
        let mut length = 0;
        loop {
            let (source, file, held) = (Arc::clone(&source), Arc::clone(&file), partial.clone());
            let copied = beside(move || {
                let copied = io::copy(&mut (&*source).take(COPY), &mut &*file);
                drop(held);
                copied
            });
            let copied = copied.await.map_err(|error| disk(&error))?;
            length += copied;
            self.settings.counts.bytes_fetched.add(copied);
            if copied == 0 || length > total {
                break;
            }
        }
        match length == total {
            true => Ok(length),
            false => Err(Failure::retry(format!("{location} changed while it was copied"))),
        }
    }
}

fn question(target: &PathAndQuery, asked: &Asked) -> http::Request<Upload> {
    let mut question = http::Request::new(Upload::empty());
    *question.uri_mut() = target.clone().into();
    let headers = question.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let validator = asked.validator.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    if let (1.., Some(validator)) = (asked.from, validator) {
        headers
            .insert(header::RANGE, format!("bytes={}-", asked.from).try_into().expect("digits are a value"));
        if !planted("file-worker-resumes-anything") {
            headers.insert(header::IF_RANGE, validator);
        }
    }
    question
}

/// What stood in the way of keeping a file.
fn disk(error: &io::Error) -> Failure {
    Failure::io("the file cannot be kept in the item's folder", error)
}

impl super::job::Settings {
    /// Who is asked for what is on that host, if it is allowed.
    pub(super) fn client(&self, host: &str) -> Result<Client, Failure> {
        if !self.hosts.contains(host) && !planted("file-worker-asks-anyone") {
            let why = format!("{host} is no host that may be asked; allow it with with_hosts");
            return Err(Failure::Dead(why));
        }
        self.client_of(host)
    }

    pub(super) fn client_of(&self, host: &str) -> Result<Client, Failure> {
        let limits =
            ClientLimits::new().with_deadline(self.limits.silence).with_connect_time(self.limits.silence);
        let client = Client::new(host).and_then(|client| client.with_limits(limits));
        let client = client.map_err(|error| Failure::Dead(error.to_string()))?;
        Ok(client.with_clock(Arc::clone(&self.clock)))
    }
}
