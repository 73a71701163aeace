//! Whether the program can do what it is for, as the admin page says it.

use std::{sync::Arc, time::Duration};

use entourage_core::{Moment, sleep, timeout};
use entourage_election::Status;
use entourage_store::FencedStore;
use tokio::sync::watch;

/// How often a store is asked that has no session of ours to renew.
const PERIOD: Duration = Duration::from_secs(5);
/// How old its last answer may be.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who owns is ready, and so is who waits: only who waits without a store is not.
pub(super) fn contending(status: &Status) -> Result<(), String> {
    if status.is_in_touch {
        return Ok(());
    }
    Err("the store has not confirmed a session in time; ownership is neither granted nor kept".to_owned())
}

/// A check for who holds no session: the store answers now and then.
///
/// It asks for as long as the check is kept.
pub(super) fn answering(store: FencedStore) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
    let clock = store.clock();
    // The store was opened a moment ago.
    let (answered, last) = watch::channel(clock.now());
    let asking = Arc::clone(&clock);
    tokio::spawn(async move {
        while !answered.is_closed() {
            let sent = asking.now();
            let asked = timeout(&*asking, PERIOD, store.get("ready")).await;
            if matches!(asked, Ok(Ok(_))) {
                answered.send_replace(sent);
            }
            sleep(&*asking, PERIOD).await;
        }
    });
    move || is_recent(*last.borrow(), clock.now())
}

fn is_recent(answered: Moment, now: Moment) -> Result<(), String> {
    let silent = now.since(answered);
    if silent < PATIENCE {
        return Ok(());
    }
    Err(format!("the store has not answered for {} seconds", silent.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_answered_a_moment_ago_is_there_and_one_that_is_silent_is_not() {
        let answered = Moment::ZERO + Duration::from_secs(100);
        assert!(is_recent(answered, answered).is_ok());
        assert!(is_recent(answered, answered + (PATIENCE - Duration::from_millis(1))).is_ok());
        let why = is_recent(answered, answered + PATIENCE).unwrap_err();
        assert_eq!(why, "the store has not answered for 15 seconds");
    }
}
