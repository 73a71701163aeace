//! What the limits promise: as much as allowed is taken, one more is refused whole.

use std::time::Duration;

use super::subject::Subject;
use crate::{Ask, Capabilities, Error, Item, Publication, StateWrite, Step, SubscribeOptions, Topic};

fn too_large(error: &Error, allowed: usize) -> bool {
    matches!(error, Error::TooLarge { given, limit, .. } if *limit == allowed as u64 && *given == *limit + 1)
}

fn numbered(topic: &str, items: usize) -> Vec<Publication> {
    (0..items).map(|nth| Publication::new(topic, Item::new(format!("{topic}-{nth}"), ""))).collect()
}

pub(super) async fn a_batch_as_large_as_allowed_is_taken_and_one_more_is_not(subject: Subject) {
    let most = subject.capabilities().max_batch;
    let member = subject.member("jobs").await;
    let refused = subject.refused(numbered("jobs", most + 1)).await;
    assert!(too_large(&refused, most), "{refused:?}");
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    subject.fresh(numbered("jobs", most)).await;
    assert_eq!(subject.counts("jobs").await.ready, most as u64);
    let step = Step { publish: numbered("out", most + 1), ..Step::new().named("emit") };
    let unapplied = member.unapplied(step).await;
    assert!(too_large(&unapplied.error, most), "{:?}", unapplied.error);
    assert_eq!(subject.four("out").await, (0, 0, 0, 0));
    let mut step = *unapplied.step;
    step.publish.pop();
    assert_eq!(member.step(step).await.published.len(), most);
}

pub(super) async fn a_receive_is_cut_to_the_largest_batch(subject: Subject) {
    let most = subject.capabilities().max_batch;
    let mut member = subject.member("jobs").await;
    subject.fresh(numbered("jobs", most)).await;
    subject.put("jobs", &["one more"]).await;
    let answer = member.answer(Ask::up_to(2 * most).at_least(most + 1)).await;
    assert!(answer.as_ref().is_err_and(|error| too_large(error, most)), "{answer:?}");
    assert_eq!(subject.counts("jobs").await.in_flight, 0);
    let mut held = member.ready(2 * most).await;
    assert_eq!(held.len(), most);
    held.extend(member.ready(1).await);
    let unapplied = member.unapplied(Step { accept: held, ..Step::new() }).await;
    assert!(too_large(&unapplied.error, most), "{:?}", unapplied.error);
    assert_eq!(subject.counts("jobs").await.in_flight, most as u64 + 1);
    let mut step = *unapplied.step;
    let rest = step.accept.pop().expect("there is one more than allowed");
    member.step(step).await;
    member.accept(rest).await;
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
}

pub(super) async fn a_payload_as_large_as_allowed_is_taken_and_one_byte_more_is_not(subject: Subject) {
    let most = subject.capabilities().max_payload_bytes;
    let mut member = subject.member("jobs").await;
    let zeros = |bytes| Publication::new("jobs", Item::new("large", vec![0_u8; bytes]));
    let refused = subject.refused([zeros(most + 1)]).await;
    assert!(too_large(&refused, most), "{refused:?}");
    let headers = [("h".to_owned(), String::new())];
    let item = Item::new("large", vec![0_u8; most]).with_headers(headers);
    let refused = subject.refused([Publication::new("jobs", item)]).await;
    assert!(too_large(&refused, most), "headers count: {refused:?}");
    let unapplied = member.unapplied(Step::new().named("emit").publish(zeros(most + 1))).await;
    assert!(too_large(&unapplied.error, most), "{:?}", unapplied.error);
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    subject.fresh([zeros(most)]).await;
    let delivery = member.take().await;
    assert_eq!(delivery.item().payload().len(), most);
    member.accept(delivery).await;
}

pub(super) async fn a_state_value_as_large_as_allowed_is_taken_and_one_byte_more_is_not(subject: Subject) {
    let most = subject.capabilities().max_state_bytes;
    let member = subject.member("jobs").await;
    let unapplied = member.unapplied(Step::new().named("w").write("k", 0, vec![0; most + 1])).await;
    assert!(too_large(&unapplied.error, most), "{:?}", unapplied.error);
    assert_eq!(member.state("k").await, None);
    member.step(Step::new().named("w").write("k", 0, vec![0; most])).await;
    assert_eq!(member.state("k").await.map(|record| record.value.len()), Some(most));
}

pub(super) async fn a_step_writes_as_much_state_as_allowed_and_no_more(subject: Subject) {
    let most = subject.capabilities().max_batch;
    let member = subject.member("jobs").await;
    let write =
        |nth| StateWrite { key: format!("k-{nth:05}").into(), expected: Some(0), value: Some("v".into()) };
    let step = Step { state: (0..=most).map(write).collect(), ..Step::new().named("w") };
    let unapplied = member.unapplied(step).await;
    assert!(too_large(&unapplied.error, most), "{:?}", unapplied.error);
    assert_eq!(subject.listed("").await, []);
    let mut step = *unapplied.step;
    step.state.pop();
    assert_eq!(member.step(step).await.state.len(), most);
    assert_eq!(subject.listed("k-").await.len(), most);
}

pub(super) async fn a_name_as_long_as_allowed_is_taken_and_one_byte_more_is_not(subject: Subject) {
    let most = Capabilities::MAX_NAME_BYTES;
    let mut member = subject.member("jobs").await;
    let (fits, long) = ("n".repeat(most), "n".repeat(most + 1));
    let item = |id: &str, key: &str, bundle: &str| Item::new(id, "").with_key(key).with_bundle(bundle);
    for (topic, wrong) in [
        (&*long, item("a", "a", "a")),
        ("jobs", item(&long, "a", "a")),
        ("jobs", item("a", &long, "a")),
        ("jobs", item("a", "a", &long)),
    ] {
        let good = Publication::new("jobs", Item::new("good", ""));
        let refused = subject.refused([good, Publication::new(topic, wrong)]).await;
        assert!(too_large(&refused, most), "{refused:?}");
    }
    let refused = |joined: crate::Result<_>| match joined {
        Err(error) => assert!(too_large(&error, most), "{error:?}"),
        Ok(_) => panic!("too long a name was taken"),
    };
    let options = SubscribeOptions::new();
    let queue = subject.queue();
    refused(queue.subscribe(&[Topic::from(&*long)], &"g".into(), options).await.map(drop));
    refused(queue.subscribe(&["jobs".into()], &long.as_str().into(), options).await.map(drop));
    refused(queue.configure(&Topic::from(&*long), crate::TopicOptions::new()).await);
    for step in [Step::new().named(&*long).write("k", 0, ""), Step::new().named("w").write(&*long, 0, "")] {
        let unapplied = member.unapplied(step).await;
        assert!(too_large(&unapplied.error, most), "{:?}", unapplied.error);
    }
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    assert_eq!(subject.listed("").await, []);
    subject.fresh([Publication::new("jobs", item(&fits, &fits, &fits))]).await;
    let delivery = member.take().await;
    assert_eq!(delivery.item(), &item(&fits, &fits, &fits));
    member.step(Step::new().named(&*fits).accept(delivery).write(&*fits, 0, "")).await;
    assert_eq!(member.state(&fits).await.map(|record| record.key), Some(fits.as_str().into()));
    subject.fresh([Publication::new(&*fits, Item::new("a", ""))]).await;
    let mut member = subject.member_of(&fits, &fits).await;
    assert_eq!(member.drain().await, ["a"]);
}

pub(super) async fn an_empty_name_is_invalid(subject: Subject) {
    let member = subject.member("jobs").await;
    let item = || Item::new("a", "");
    for (topic, wrong) in [
        ("", item()),
        ("jobs", Item::new("", "")),
        ("jobs", item().with_key("")),
        ("jobs", item().with_bundle("")),
    ] {
        let refused = subject.refused([Publication::new(topic, wrong)]).await;
        assert!(matches!(refused, Error::Invalid(_)), "{refused:?}");
    }
    for step in [Step::new().named("").write("k", 0, ""), Step::new().named("w").write("", 0, "")] {
        let unapplied = member.unapplied(step).await;
        assert!(matches!(unapplied.error, Error::Invalid(_)), "{:?}", unapplied.error);
    }
    assert_eq!(subject.four("jobs").await, (0, 0, 0, 0));
    assert_eq!(subject.listed("").await, []);
}

pub(super) async fn a_subscription_that_could_not_work_is_invalid(subject: Subject) {
    let options = SubscribeOptions::new();
    let jobs: &[Topic] = &["jobs".into()];
    let twice: &[Topic] = &["jobs".into(), "jobs".into()];
    let ms = Duration::from_millis;
    for (topics, group, options) in [
        (&[][..], "g", options),
        (twice, "g", options),
        (jobs, "", options),
        (jobs, "g", options.with_lease(ms(10) - Duration::from_nanos(1))),
        (jobs, "g", options.with_time_limit(Duration::ZERO)),
        (jobs, "g", options.with_delivery_limit(0)),
    ] {
        let joined = subject.queue().subscribe(topics, &group.into(), options).await;
        assert!(matches!(joined, Err(Error::Invalid(_))), "{topics:?} {group:?} {options:?}");
    }
    let shortest = options.with_lease(ms(10)).with_delivery_limit(1);
    let mut member = subject.join(&["jobs"], "g", shortest).await;
    subject.put("jobs", &["a"]).await;
    assert_eq!(member.drain().await, ["a"]);
}
