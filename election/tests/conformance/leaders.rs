//! Campaigns, leaders and those who look on.

use std::ops::ControlFlow;

use entourage_core::Shutdown;
use entourage_election::{Election, Error, Held, Leadership, Observed, Observer, Ran};
use entourage_store::{SessionId, Txn};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    subject::{LONG, NAME, Subject},
    wire::Way,
};

/// The value that is observed next; `None` where nobody leads.
async fn seen(subject: &Subject, observer: &mut Observer) -> Option<String> {
    match subject.within("the next change", observer.next()).await.unwrap() {
        Observed::Leader(leader) => Some(String::from_utf8(leader.value.to_vec()).unwrap()),
        Observed::Vacant => None,
        other => panic!("{other:?}"),
    }
}

fn campaigning(election: Election, value: &'static str) -> JoinHandle<Leadership> {
    tokio::spawn(async move { election.campaign(value).await.unwrap() })
}

pub(crate) async fn observers_see_every_leader_and_every_value_in_order(subject: Subject) {
    let (a, b) = (subject.process().await.election(LONG), subject.process().await.election(LONG));
    let mut observer = subject.process().await.election(LONG).observe();
    assert_eq!(seen(&subject, &mut observer).await, None);
    let mut of_a = a.campaign("a1").await.unwrap();
    let fence = of_a.fence().clone();
    of_a.proclaim("a2").await.unwrap();
    let campaign = campaigning(b, "b1");
    subject.contending(2).await;
    of_a.proclaim("a3").await.unwrap();
    assert_eq!(of_a.fence(), &fence, "a value is no new term");
    assert!(subject.write(&of_a.held(), "1").await);
    of_a.resign().await.unwrap();
    let of_b = subject.joined("the second candidate is elected", campaign).await;
    assert_eq!(of_b.fence().supersedes(&fence), Ok(true));
    of_b.resign().await.unwrap();
    for expected in [Some("a1"), Some("a2"), Some("a3"), Some("b1"), None] {
        assert_eq!(seen(&subject, &mut observer).await.as_deref(), expected);
    }
}

pub(crate) async fn an_observer_goes_on_where_it_was_after_the_store_was_lost(subject: Subject) {
    let onlooker = subject.process().await;
    let mut observer = onlooker.election(LONG).observe();
    let mut leader = subject.process().await.election(LONG).campaign("1").await.unwrap();
    assert_eq!(seen(&subject, &mut observer).await.as_deref(), Some("1"));
    for (way, values) in [(Way::Refused, ["2", "3"]), (Way::Silent, ["4", "5"])] {
        onlooker.wire.becomes(way);
        for value in values {
            leader.proclaim(value).await.unwrap();
        }
        let before = onlooker.wire.held_up();
        let looking = tokio::spawn(async move { (observer.next().await, observer) });
        let held_up = async || (onlooker.wire.held_up() > before).then_some(());
        subject.eventually("it looks in vain", held_up).await;
        assert!(!looking.is_finished(), "it sees nothing yet");
        onlooker.wire.becomes(Way::Open);
        let (next, returned) = subject.joined("it sees again", looking).await;
        observer = returned;
        let Observed::Leader(next) = next.unwrap() else { panic!("somebody leads") };
        assert_eq!(next.value, values[0]);
        assert_eq!(seen(&subject, &mut observer).await.as_deref(), Some(values[1]));
    }
    // Whoever begins to look sees the latest leader, and nothing of before.
    let mut late = onlooker.election(LONG).observe();
    assert_eq!(seen(&subject, &mut late).await.as_deref(), Some("5"));
    leader.resign().await.unwrap();
    assert_eq!(seen(&subject, &mut late).await, None);
}

pub(crate) async fn who_leads_no_longer_proclaims_nothing(subject: Subject) {
    let (a, b) = (subject.process().await, subject.process().await);
    let mut former = a.election(subject.short).campaign("old").await.unwrap();
    a.wire.becomes(Way::Silent);
    let leader = subject.within("another leads", b.election(LONG).campaign("new")).await.unwrap();
    a.wire.becomes(Way::Open);
    assert!(matches!(former.proclaim("older").await, Err(Error::Lost { .. })));
    let mut observer = b.election(LONG).observe();
    assert_eq!(seen(&subject, &mut observer).await.as_deref(), Some("new"));
    leader.resign().await.unwrap();
}

pub(crate) async fn a_proclamation_whose_answer_was_lost_is_made_once(subject: Subject) {
    let process = subject.process().await;
    let mut observer = process.election(LONG).observe();
    let mut leader = process.election(LONG).campaign("1").await.unwrap();
    assert_eq!(seen(&subject, &mut observer).await.as_deref(), Some("1"));
    for value in ["2", "3", "4"] {
        process.wire.forget_answers(1);
        leader.proclaim(value).await.unwrap();
    }
    for expected in ["2", "3", "4"] {
        assert_eq!(seen(&subject, &mut observer).await.as_deref(), Some(expected));
    }
    leader.resign().await.unwrap();
    assert_eq!(seen(&subject, &mut observer).await, None);
}

pub(crate) async fn a_later_life_takes_its_place_back_under_a_new_epoch(subject: Subject) {
    let former = subject.process().await.election(LONG).campaign("life 1").await.unwrap();
    // In a file, over a restart.
    let session = former.session().unwrap().to_string();
    let session: SessionId = session.parse().unwrap();
    let later = subject.process().await.election(LONG);
    let resumed = later.resume(session, "life 2").await.unwrap();
    assert_eq!(resumed.fence().supersedes(former.fence()), Ok(true));
    let entry = subject.operator.get(resumed.key().unwrap().0).await.unwrap().unwrap();
    assert_eq!(entry.value, "life 2");
    assert!(!subject.write(&former.held(), "life 1").await);
    assert!(subject.write(&resumed.held(), "life 2").await);
    resumed.resign().await.unwrap();
}

/// Leads until it is lost or the program ends, and says so at the beginning of each term.
fn running<T: Send + 'static>(
    election: Election,
    shutdown: &Shutdown,
    terms: &mpsc::UnboundedSender<T>,
    term: fn(&Held) -> T,
) -> JoinHandle<entourage_election::Result<Option<()>>> {
    let (shutdown, terms) = (shutdown.clone(), terms.clone());
    tokio::spawn(async move {
        let lead = |held: Held| {
            terms.send(term(&held)).unwrap();
            let shutdown = shutdown.clone();
            async move {
                tokio::select! {
                    biased;
                    () = held.lost() => ControlFlow::Continue(()),
                    () = shutdown.draining() => ControlFlow::Break(()),
                }
            }
        };
        election.run("here", &shutdown, lead).await
    })
}

pub(crate) async fn e6_losing_ends_the_leadership_and_campaigns_again_in_the_same_process(subject: Subject) {
    let (process, shutdown) = (subject.process().await, Shutdown::new());
    let (term, mut terms) = mpsc::unbounded_channel();
    let election = process.election(subject.short);
    let running = running(election, &shutdown, &term, |held| held.fence().clone());
    let mut last = subject.within("it is elected", terms.recv()).await.unwrap();
    for way in [Way::Refused, Way::Silent] {
        process.wire.becomes(way);
        subject.contending(0).await;
        process.wire.becomes(Way::Open);
        let mut next = subject.within("it is elected again", terms.recv()).await.unwrap();
        // On a busy machine a term may have ended by itself before.
        while let Ok(later) = terms.try_recv() {
            next = later;
        }
        assert_eq!(next.supersedes(&last), Ok(true));
        last = next;
    }
    shutdown.drain();
    subject.joined("it ends when it is told to", running).await.unwrap();
    subject.contending(0).await;
}

pub(crate) async fn a_follower_may_ask_the_leader_to_resign(subject: Subject) {
    let (a, b) = (subject.process().await.election(LONG), subject.process().await.election(LONG));
    let (follower, shutdown) = (subject.process().await.election(LONG), Shutdown::new());
    assert!(!follower.ask_to_resign().await.unwrap(), "nobody was ever elected");
    let (term, mut terms) = mpsc::unbounded_channel();
    let of_a = running(a, &shutdown, &term, |_| "a");
    assert_eq!(subject.within("a is elected", terms.recv()).await, Some("a"));
    let of_b = running(b, &shutdown, &term, |_| "b");
    subject.contending(2).await;
    // Nobody waits for a lease to expire, which would be too long.
    for leader in ["b", "a", "b"] {
        assert!(follower.ask_to_resign().await.unwrap());
        assert_eq!(subject.within("another leads", terms.recv()).await, Some(leader));
        subject.contending(2).await;
    }
    assert!(terms.try_recv().is_err(), "one request is one resignation");
    shutdown.drain();
    for running in [of_a, of_b] {
        subject.joined("it ends when it is told to", running).await.unwrap();
    }
}

pub(crate) async fn a_single_replica_leads_at_once_and_a_second_one_shuts_it_out(subject: Subject) {
    let (a, b) = (subject.process().await, subject.process().await);
    let alone = |store| Election::single_replica(store, NAME).build().unwrap();
    let first = alone(a.wire.fenced()).campaign("1").await.unwrap();
    let write = |leadership: &Leadership| leadership.guard(Txn::new().put("document", "1"));
    assert!(subject.apply(write(&first)).await);
    let second = alone(b.wire.fenced()).campaign("2").await.unwrap();
    assert!(!subject.apply(write(&first)).await);
    assert!(subject.apply(write(&second)).await);
    let ran = second.into_ownership().run(async |held| held.is_held()).await;
    assert_eq!(ran, Ran::Finished(true));
    assert!(subject.keys().await.is_empty());
}
