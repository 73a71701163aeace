//! One attempt: a file worker is three steps of a worker that is several.

use std::{future::Future, sync::Arc, time::Duration};

use entourage_queue::Item;
use http::StatusCode;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    FileWorker,
    failure::Failure,
    job::Job,
    location::Location,
    place::Place,
    script::{Kind, Text},
};
use crate::{
    attempt::Attempt,
    command::ExitPolicy,
    digest::{base32, sha256},
    folder::Folder,
    multi_worker::MultiWorker,
    outcome::Outcome,
    worker::{Worker, worker_fn},
};

impl FileWorker {
    /// The script's text; `None` where it is a program that is there.
    async fn text(&self) -> Result<Option<Text>, Failure> {
        match &self.script {
            Kind::At(_) => Ok(None),
            Kind::Text(text) => Ok(Some(text.clone())),
            Kind::Url(url) => self.asked.get_or_try_init(|| self.ask(url)).await.cloned().map(Some),
        }
    }

    /// What stands in the way of the script is the configuration's, and no item's end.
    async fn ask(&self, url: &str) -> Result<Text, Failure> {
        let asking = async {
            let Location::Http { host, target } = Location::parse(url)? else {
                return Err("its address is not of http".to_owned());
            };
            let what = format!("http://{host}{}", target.path());
            let client = self.settings.client(&host).map_err(|failure| failure.why())?;
            let answer = client.get(target.as_str()).await;
            let answer = answer.map_err(|error| Failure::unanswered(&what, &error).why())?;
            if answer.status() != StatusCode::OK {
                return Err(format!("{what} answered with status {}", answer.status().as_u16()));
            }
            let text =
                String::from_utf8(answer.into_body().into()).map_err(|_| "it is no text".to_owned())?;
            Text::new(text).map_err(|error| error.to_string())
        };
        asking.await.map_err(|why| Failure::retry(format!("the script cannot be had: {why}")))
    }
}

#[async_trait::async_trait]
impl Worker for FileWorker {
    /// # Panics
    /// Outside of a runtime of tokio whose I/O is enabled.
    async fn work(&self, item: &Item, attempt: &Attempt) -> Outcome {
        let seed = xxh3_64_with_seed(item.id().as_str().as_bytes(), attempt.fence().epoch());
        let delay = ExitPolicy::new().delay(attempt.number(), seed);
        let text = match self.text().await {
            Ok(text) => text,
            Err(failure) => return failure.outcome(attempt, delay),
        };
        let location = Location::of(item, self.template.as_deref());
        let of = location.as_ref().map(|location| base32(&sha256(location.whole().as_bytes()), 32));
        let (of, script) = (of.unwrap_or_default(), text.as_ref().map(Text::version).unwrap_or_default());
        let job = Arc::new(Job {
            settings: Arc::new(self.settings.clone()),
            location: location.map_err(Failure::Dead),
            text,
            suffix: Place::suffix(attempt),
        });
        let fetch = step(&job, delay, |job, _, folder, attempt| async move {
            job.fetch(&folder, &attempt).await.map(|()| Outcome::Done)
        });
        let run =
            step(
                &job,
                delay,
                |job, item, folder, attempt| async move { job.run(&item, &folder, &attempt).await },
            );
        let upload = step(&job, delay, |job, item, folder, attempt| async move {
            job.upload(&item, &folder, &attempt).await.map(|()| Outcome::Done)
        });
        let steps = MultiWorker::new("file")
            .folders(self.folders.clone())
            .clock(Arc::clone(&self.settings.clock))
            .step_of_version("fetch", of, fetch)
            .step_of_version("run", script, run)
            .step("upload", upload);
        steps.work(item, attempt).await
    }
}

/// A step of one item, in the folder of which it is called.
fn step<F, Fut>(job: &Arc<Job>, delay: Duration, work: F) -> impl Worker
where
    F: Fn(Arc<Job>, Item, Folder, Attempt) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Outcome, Failure>> + Send,
{
    let (job, work) = (Arc::clone(job), Arc::new(work));
    worker_fn("step", move |item: Item, attempt: Attempt| {
        let (job, work) = (Arc::clone(&job), Arc::clone(&work));
        async move {
            let Some(folder) = attempt.held_folder().cloned() else {
                return attempt.retry(delay, "it has no folder");
            };
            match work(job, item, folder, attempt.clone()).await {
                Ok(outcome) => outcome,
                Err(failure) => failure.outcome(&attempt, delay),
            }
        }
    })
}
