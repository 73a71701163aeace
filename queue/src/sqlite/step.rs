//! Settlements, publications and state writes as one.

use std::time::Duration;

use entourage_core::planted;
use entourage_engine::sqlite::Tx;

use crate::{
    delivery::Receipt,
    error::Error,
    item::{ItemId, Publication},
    options::TopicOptions,
    sqlite::{
        consumer::Member,
        fault::Result,
        grant::{self, Grant, Held},
        publish::{add, judge_capacity},
        remembered::{self, Mark},
        settle::{accept, bury, put_back},
        state,
        sweep::{Swept, sweep},
        work::{Work, number, span},
    },
    state::StateWrite,
    step::{Applied, Release, Step},
};

/// What a step is to do, without the deliveries, which stay with their caller.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) mark: Option<Mark>,
    pub(super) settlements: Vec<Settlement>,
    pub(super) publish: Vec<Publication>,
    pub(super) state: Vec<StateWrite>,
}

/// What is to become of one attempt.
#[derive(Debug)]
pub(super) struct Settlement {
    id: ItemId,
    receipt: Receipt,
    verb: Verb,
}

#[derive(Debug)]
enum Verb {
    Accept,
    Release { after: Duration, retry: bool },
    Reject { reason: String },
}

/// The attempts of one grant that a step settles, each with its place in the plan.
struct Claim {
    grant: Grant,
    places: Vec<usize>,
    held: Vec<Held>,
}

impl Plan {
    pub(super) fn of(step: &Step) -> Self {
        let verbs = step
            .accept
            .iter()
            .map(|_| Verb::Accept)
            .chain(
                step.release
                    .iter()
                    .map(|Release { after, retry, .. }| Verb::Release { after: *after, retry: *retry }),
            )
            .chain(step.reject.iter().map(|rejection| Verb::Reject { reason: rejection.reason.clone() }));
        let settlement = |(delivery, verb): (&crate::Delivery, Verb)| Settlement {
            id: delivery.id().clone(),
            receipt: delivery.receipt(),
            verb,
        };
        let first = step.deliveries().next();
        Self {
            mark: match &step.id {
                Some(id) => Some(Mark::Named(id.clone())),
                None => first.map(|delivery| Mark::Unnamed(number(delivery.receipt().epoch))),
            },
            settlements: step.deliveries().zip(verbs).map(settlement).collect(),
            publish: step.publish.clone(),
            state: step.state.clone(),
        }
    }
}

/// Applies a plan whole, once per id.
///
/// It is judged in the order that the contract names: a remembered id, ended attempts,
/// versions of records, capacity. What was written before a refusal goes with its savepoint.
pub(super) fn apply(
    tx: &Tx<'_>,
    member: &Member,
    plan: &Plan,
    new: &TopicOptions,
) -> Result<(Applied, Swept)> {
    if let Some(applied) = recall(tx, member, plan)? {
        return Ok((applied, Swept::default()));
    }
    let mut work = Work::new(tx, tx.now());
    let swept = sweep(&mut work)?;
    let claims = claim(&work, member.id, &plan.settlements)?;
    let write = |write| state::write(&work, member.group, write);
    let state = plan.state.iter().map(write).collect::<Result<_>>()?;
    let published = if planted("queue-judges-capacity-before-the-step") {
        let published = add(&mut work, &plan.publish, new)?;
        judge_capacity(&mut work)?;
        settle(&mut work, &claims, &plan.settlements)?;
        published
    } else {
        settle(&mut work, &claims, &plan.settlements)?;
        add(&mut work, &plan.publish, new)?
    };
    let applied = Applied { published, state, repeated: false };
    if let Some(mark) = &plan.mark {
        remembered::remember(&mut work, member.group, mark, &applied)?;
    }
    judge_capacity(&mut work)?;
    Ok((applied, swept))
}

/// What a plan did when it was applied before.
pub(super) fn recall(tx: &Tx<'_>, member: &Member, plan: &Plan) -> Result<Option<Applied>> {
    let Some(mark) = &plan.mark else { return Ok(None) };
    Ok(remembered::find(&Work::new(tx, tx.now()), member.group, mark)?)
}

/// Moves the time limit of one attempt.
pub(super) fn renew(tx: &Tx<'_>, consumer: i64, receipt: Receipt, time: Duration) -> Result<Swept> {
    let mut work = Work::new(tx, tx.now());
    let swept = sweep(&mut work)?;
    let (epoch, seq) = (number(receipt.epoch), number(receipt.sequence));
    let stale = || Error::Stale { ids: Vec::new() };
    let found = grant::of_epoch(&work, epoch)?.filter(|grant| grant.consumer == consumer);
    let mut grant = found.ok_or_else(stale)?;
    let at = grant.place(epoch).filter(|at| grant.held[*at].seq == seq).ok_or_else(stale)?;
    grant.held[at].until = Some(work.after(span(time)));
    grant.update(&mut work)?;
    work.flush()?;
    Ok(swept)
}

/// Takes the attempts of a step out of their grants, or refuses it with those that have ended.
fn claim(work: &Work<'_>, consumer: i64, settlements: &[Settlement]) -> Result<Vec<Claim>> {
    let receipt = |place: &usize| settlements[*place].receipt;
    let epoch = |place: &usize| number(receipt(place).epoch);
    let mut places: Vec<usize> = (0..settlements.len()).collect();
    places.sort_unstable_by_key(epoch);
    let (mut claims, mut stale): (Vec<Claim>, Vec<usize>) = (Vec::new(), Vec::new());
    for place in places {
        let epoch = epoch(&place);
        if claims.last().is_none_or(|claim| claim.grant.place(epoch).is_none())
            && let Some(grant) = grant::of_epoch(work, epoch)?.filter(|grant| grant.consumer == consumer)
        {
            claims.push(Claim { grant, places: Vec::new(), held: Vec::new() });
        }
        let found = claims.last_mut().and_then(|claim| {
            let held = claim.grant.held[claim.grant.place(epoch)?];
            (held.seq == number(receipt(&place).sequence)).then_some((claim, held))
        });
        match found {
            Some((claim, held)) => {
                claim.places.push(place);
                claim.held.push(held);
            }
            None => stale.push(place),
        }
    }
    if !stale.is_empty() && !planted("queue-accepts-stale") {
        stale.sort_unstable();
        let ids = stale.into_iter().map(|place| settlements[place].id.clone()).collect();
        return Err(Error::Stale { ids }.into());
    }
    for Claim { grant, held, .. } in &mut claims {
        let mut ended = held.iter().map(|held| held.epoch).peekable();
        grant.held.retain(|held| ended.next_if_eq(&held.epoch).is_none());
    }
    Ok(claims)
}

fn settle(work: &mut Work<'_>, claims: &[Claim], settlements: &[Settlement]) -> rusqlite::Result<()> {
    let mut others = Vec::new();
    for Claim { grant, places, held } in claims {
        grant.update(work)?;
        let mut done = Vec::with_capacity(held.len());
        for (place, held) in places.iter().zip(held) {
            match &settlements[*place].verb {
                Verb::Accept => done.push(*held),
                _ => others.push((*place, grant, held)),
            }
        }
        accept(work, grant, &done)?;
    }
    others.sort_unstable_by_key(|(place, ..)| *place);
    for (place, grant, held) in others {
        match &settlements[place].verb {
            Verb::Accept => {}
            Verb::Release { after, retry } => {
                let counts = *retry || planted("queue-counts-release");
                let retries = held.retries.saturating_add(u32::from(counts));
                put_back(work, grant, &Held { retries, ..*held }, span(*after))?;
            }
            Verb::Reject { reason } => {
                let attempts = held.retries.saturating_add(held.lapses).saturating_add(1);
                bury(work, grant, held, attempts, reason)?;
            }
        }
    }
    Ok(())
}
