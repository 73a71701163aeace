//! What delays promise.

use std::time::Duration;

use super::{member::ids, subject::Subject};
use crate::{Item, Publication};

const SECOND: Duration = Duration::from_secs(1);
const NANOSECOND: Duration = Duration::from_nanos(1);

pub(super) async fn a_delayed_item_waits_for_its_time(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.fresh([Publication::new("jobs", Item::new("late", "")).delayed(SECOND)]).await;
    subject.put("jobs", &["now"]).await;
    assert_eq!(member.drain().await, ["now"]);
    subject.advance(SECOND - NANOSECOND).await;
    member.finds_nothing().await;
    assert_eq!(subject.four("jobs").await, (0, 1, 0, 0));
    subject.advance(NANOSECOND).await;
    assert_eq!(subject.four("jobs").await, (1, 0, 0, 0));
    assert_eq!(ids(&member.ready(1).await), ["late"]);
}

pub(super) async fn a_delayed_item_holds_its_key(subject: Subject) {
    let mut member = subject.member("jobs").await;
    let late = Item::new("first", "").with_key("k");
    subject.fresh([Publication::new("jobs", late).delayed(SECOND)]).await;
    subject.put_keyed("jobs", "k", &["second"]).await;
    member.finds_nothing().await;
    assert_eq!(subject.four("jobs").await, (0, 2, 0, 0));
    subject.advance(SECOND).await;
    assert_eq!(member.drain().await, ["first", "second"]);
}

pub(super) async fn a_delay_runs_while_the_key_is_held(subject: Subject) {
    let mut member = subject.member("jobs").await;
    subject.put_keyed("jobs", "k", &["first"]).await;
    let late = Item::new("second", "").with_key("k");
    subject.fresh([Publication::new("jobs", late).delayed(SECOND)]).await;
    let held = member.take().await;
    subject.advance(2 * SECOND).await;
    member.finds_nothing().await;
    member.accept(held).await;
    assert_eq!(ids(&member.ready(1).await), ["second"]);
}
