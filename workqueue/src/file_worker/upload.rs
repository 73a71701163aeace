//! The last step: what the script has left is sent, each file once.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use entourage_core::planted;
use entourage_http::{Client, Upload, UploadPieces};
use entourage_queue::Item;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use super::{
    destination::{Destination, Target, stamp},
    failure::Failure,
    job::Job,
    outputs::{Outputs, Sum},
    sink,
};
use crate::{
    attempt::Attempt,
    digest::{base32, sha256},
    folder::{Folder, beside},
    source::ItemName,
};

/// Files of at most so many bytes are sent whole, over connections that are kept, and within the
/// silence that is borne.
const WHOLE: u64 = 64 * 1024;
/// Bytes that are read at once of larger ones.
const READ: usize = 256 * 1024;
/// Bytes that are sent at once.
const PIECE: usize = 16 * 1024;

/// One output that is sent.
struct Output {
    name: ItemName,
    file: Arc<File>,
    sum: Sum,
    length: u64,
    target: Target,
}

impl Job {
    /// Sends what there is and was not sent before, in the order of the names.
    ///
    /// # Cancel safety
    /// What was sent and recorded is not sent again; one file may be.
    pub(super) async fn upload(
        &self,
        item: &Item,
        folder: &Folder,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let outputs = self.outputs(folder).await?;
        let Some(destination) = &self.settings.destination else { return Ok(()) };
        let item_name = ItemName::new(item.id().to_shared()).map_err(|why| Failure::dead(why.to_string()))?;
        let client = match destination {
            Destination::Url { host, .. } => Some(self.settings.client_of(host)?),
            Destination::Folder(_) => None,
        };
        let place = self.place(folder);
        let record = beside(move || Sent::read(place.state("sent")?)).await;
        let mut sent =
            record.map_err(|error| Failure::io("the record of what was sent cannot be read", &error))?;
        for name in &outputs.names {
            let target = destination.target(&item_name, name).map_err(Failure::Dead)?;
            let output = opened(&outputs, name, target).await?;
            let key = Sent::key(output.sum, &destination.whole(&output.target));
            if sent.keys.contains(&key) && !planted("file-worker-sends-again") {
                self.settings.counts.spared.increment();
                continue;
            }
            attempt.explain(format!("the output {name:?} is being sent"));
            tokio::select! {
                biased;
                () = attempt.cancelled() => return Err(Failure::Interrupted),
                put = self.put(item, attempt, destination, client.as_ref(), &output) => put?,
            }
            self.settings.counts.sent.increment();
            self.settings.counts.bytes_sent.add(output.length);
            sent = beside(move || sent.with(key))
                .await
                .map_err(|error| Failure::io("it cannot be recorded that an output was sent", &error))?;
        }
        Ok(())
    }

    async fn put(
        &self,
        item: &Item,
        attempt: &Attempt,
        destination: &Destination,
        client: Option<&Client>,
        output: &Output,
    ) -> Result<(), Failure> {
        match (destination, &output.target, client) {
            (Destination::Folder(root), Target::File { folder, file }, _) => {
                let (root, folder, file) = (root.clone(), folder.clone(), file.clone());
                let (source, length) = (Arc::clone(&output.file), output.length);
                let what = format!("the output {:?} cannot be put into {}", output.name, root.display());
                let putting = beside(move || sink::put(&root, &folder, file.as_str(), &source, length));
                putting.await.map_err(|error| Failure::io(&what, &error))
            }
            (Destination::Url { host, .. }, Target::Path(path), Some(client)) => {
                let mut headers = HeaderMap::new();
                let binary = HeaderValue::from_static("application/octet-stream");
                headers.insert(header::CONTENT_TYPE, binary);
                if let Ok(digest) = HeaderValue::try_from(format!("sha-256=:{}:", output.sum.base64())) {
                    headers.insert(HeaderName::from_static("repr-digest"), digest);
                }
                stamp(&mut headers, item, attempt.fence());
                let what = format!("http://{host}{path}");
                sent(client, path, headers, output, &what).await
            }
            // Each destination makes its own targets.
            _ => Err(Failure::dead("an output has a target of another kind than its destination")),
        }
    }
}

/// PUTs one output, and hears that it was taken.
async fn sent(
    client: &Client,
    path: &Uri,
    headers: HeaderMap,
    output: &Output,
    what: &str,
) -> Result<(), Failure> {
    let (status, told) = if output.length <= WHOLE {
        let (file, length) = (Arc::clone(&output.file), output.length as usize);
        let bytes = beside(move || piece(&file, 0, length)).await;
        let bytes = bytes.map_err(|error| Failure::io("an output cannot be read", &error))?;
        let answer = client.send(request(path, headers, bytes)).await;
        let (parts, _) = answer.map_err(|error| Failure::unanswered(what, &error))?.into_parts();
        (parts.status, parts.headers)
    } else {
        let (upload, to) = Upload::of(output.length);
        let mut reading = std::pin::pin!(pieces(Arc::clone(&output.file), output.length, to));
        let mut asking = std::pin::pin!(client.transfer(request(path, headers, upload)));
        let mut read = None;
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut asking => break answer,
                ended = &mut reading, if read.is_none() => read = Some(ended),
            }
        };
        if let Some(Err(error)) = read {
            return Err(Failure::io("an output cannot be read", &error));
        }
        let answer = answer.map_err(|error| Failure::unanswered(what, &error))?;
        if answer.status().is_success() && !matches!(read, Some(Ok(true))) {
            return Err(Failure::retry(format!("{what} answered before it had the whole of it")));
        }
        let (parts, _) = answer.into_parts();
        (parts.status, parts.headers)
    };
    if status.is_success() { Ok(()) } else { Err(Failure::status(what, status, &told)) }
}

/// Puts the pieces of a file, and says whether all were wanted.
async fn pieces(file: Arc<File>, length: u64, to: UploadPieces) -> io::Result<bool> {
    let mut at = 0;
    while at < length {
        let (from, source) = (at, Arc::clone(&file));
        let read = (length - from).min(READ as u64) as usize;
        let mut bytes = beside(move || piece(&source, from, read)).await?;
        at += bytes.len() as u64;
        while !bytes.is_empty() {
            if !to.put(bytes.split_to(PIECE.min(bytes.len()))).await {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn piece(file: &File, at: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes.into())
}

fn request<B>(path: &Uri, headers: HeaderMap, body: B) -> http::Request<B> {
    let mut request = http::Request::new(body);
    *request.method_mut() = Method::PUT;
    *request.uri_mut() = path.clone();
    *request.headers_mut() = headers;
    request
}

async fn opened(outputs: &Arc<Outputs>, name: &ItemName, target: Target) -> Result<Output, Failure> {
    let (outputs, wanted) = (Arc::clone(outputs), name.clone());
    let opened = beside(move || outputs.open(&wanted)).await;
    let (file, sum, length) =
        opened.map_err(|error| Failure::io(&format!("the output {name:?} cannot be read"), &error))?;
    Ok(Output { name: name.clone(), file: Arc::new(file), sum, length, target })
}

/// What was sent of an item: a line for each, of what it was and where it went.
///
/// A line that is lost costs another PUT of the same; one that was cut is none.
struct Sent {
    path: PathBuf,
    keys: HashSet<String>,
}

impl Sent {
    const DIGITS: usize = 52;

    fn key(sum: Sum, target: &str) -> String {
        format!("{} {}", sum.base32(), base32(&sha256(target.as_bytes()), Self::DIGITS))
    }

    fn read(path: PathBuf) -> io::Result<Self> {
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
        let keys = lines.filter(|line| line.len() == 2 * Self::DIGITS + 1).map(str::to_owned).collect();
        Ok(Self { path, keys })
    }

    fn with(mut self, key: String) -> io::Result<Self> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        // With an end of line before it, as the line before may have been cut.
        file.write_all(format!("\n{key}\n").as_bytes())?;
        self.keys.insert(key);
        Ok(self)
    }
}
