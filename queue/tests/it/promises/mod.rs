//! The promises Q1 to Q8 by their numbers, each on every backend, in one process.

mod attempts;
mod flow;
mod safety;

use std::time::Duration;

use entourage_engine::conformance::Fixture;
use entourage_queue::{Delivery, conformance::Subject};

use crate::fixtures::{Memory, Sqlite};

const LEASE: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// Runs a promise's test on every backend.
fn on_each(test: impl AsyncFn(Subject)) {
    on(&Memory, &test);
    on(&Sqlite, &test);
}

fn on<F: Fixture<Subject = Subject>>(fixture: &F, test: &impl AsyncFn(Subject)) {
    println!("on {}", F::NAME);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(async {
        let (_guard, subject) = fixture.open().await;
        test(subject).await;
    });
}

fn id(delivery: &Delivery) -> String {
    delivery.id().as_str().to_owned()
}
