//! Arrivals replayed from seeds against a pool that is simulated, and what a scaler never does.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use entourage_testkit::Rng;

use super::*;

/// Decisions are a second apart, and so are the looks at the queue.
const SECOND: u64 = 1_000;

fn at(millis: u64) -> Moment {
    Moment::ZERO + Duration::from_millis(millis)
}

/// An even draw from (0, 1].
fn draw(rng: &mut Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// A draw with this mean from what has no memory.
fn exponential(rng: &mut Rng, mean: f64) -> f64 {
    -mean * draw(rng).ln()
}

/// What was seen each second.
#[derive(Clone, Copy, Debug)]
struct Seen {
    queue: usize,
    parallelism: usize,
}

/// Replays `seconds` of arrivals, of which there are `rate(second)` a second by chance, each of
/// which takes 200 ms by chance.
fn replay(options: ScalerOptions, seed: u64, seconds: u64, rate: impl Fn(u64) -> f64) -> Vec<Seen> {
    let mut rng = Rng::new(seed);
    let mut scaler = Scaler::new(options);
    let mut parallelism = options.minimum;
    let (mut queue, mut running, mut seen) = (VecDeque::new(), BinaryHeap::new(), Vec::new());
    let mut arrival = 0.0;
    for now in 0..seconds * SECOND {
        while let Some(Reverse((end, start))) =
            running.peek().copied().filter(|Reverse((end, _))| *end <= now)
        {
            running.pop();
            scaler.finished(at(start), at(end));
        }
        while arrival <= now as f64 {
            let rate = rate(now / SECOND);
            // Where nothing arrives, another look is taken after a second.
            if rate <= 0.0 {
                arrival += 1_000.0;
                continue;
            }
            queue.push_back(());
            scaler.arrived(at(now), 1);
            arrival += exponential(&mut rng, 1_000.0 / rate);
        }
        while running.len() < parallelism && queue.pop_front().is_some() {
            scaler.started(at(now));
            running.push(Reverse((now + 1 + exponential(&mut rng, 199.0) as u64, now)));
        }
        if now % SECOND == 0 {
            scaler.waiting(queue.len() as u64, running.len() as u64);
            parallelism = scaler.parallelism(at(now));
            seen.push(Seen { queue: queue.len(), parallelism });
        }
    }
    seen
}

/// How often the pool began to shrink after it had grown, or to grow after it had shrunk.
fn turns(seen: &[Seen]) -> usize {
    let changes = seen.windows(2).map(|pair| (pair[0].parallelism, pair[1].parallelism));
    let directions: Vec<bool> =
        changes.filter(|(before, after)| before != after).map(|(before, after)| after > before).collect();
    directions.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[test]
fn a_queue_is_bounded_where_the_utilisation_is_at_most_nine_tenths() {
    let options = ScalerOptions::new().with_bounds(1, 10);
    for (seed, utilisation) in [(1, 0.5), (2, 0.8), (3, 0.9), (4, 0.9), (5, 0.9)] {
        let seen = replay(options, seed, 900, |_| utilisation * 10.0 / 0.2);
        let most = seen[300..].iter().map(|seen| seen.queue).max().unwrap();
        assert!(most < 250, "seed {seed}: {most} items waited at a utilisation of {utilisation}");
    }
}

#[test]
fn a_queue_grows_where_the_utilisation_is_above_eleven_tenths() {
    let options = ScalerOptions::new().with_bounds(1, 10);
    for (seed, utilisation) in [(1, 1.15), (2, 1.3), (3, 2.0)] {
        let seen = replay(options, seed, 600, |_| utilisation * 10.0 / 0.2);
        let (middle, last) = (seen[300].queue, seen[599].queue);
        let excess = (utilisation - 1.0) * 10.0 / 0.2 * 299.0;
        assert!(
            (last - middle) as f64 > 0.6 * excess,
            "seed {seed}: {middle} items waited, then {last}, at a utilisation of {utilisation}"
        );
        assert!(seen[30..].iter().all(|seen| seen.parallelism == 10), "seed {seed}: the pool is not full");
    }
}

#[test]
fn a_steady_load_is_met_with_a_tenth_to_spare() {
    let options = ScalerOptions::new().with_bounds(1, 1_000);
    for (seed, rate) in [(1, 5.0), (2, 50.0), (3, 500.0)] {
        let seen = replay(options, seed, 600, |_| rate);
        let load: f64 = rate * 0.2;
        let last = seen[599].parallelism as f64;
        let least = (load / 0.9).ceil();
        assert!(
            last >= load && last <= 1.35 * least + 1.0,
            "seed {seed}: {last} workers for a load of {load}"
        );
        assert!(seen[300..].iter().all(|seen| seen.queue < 100), "seed {seed}: the queue is long");
    }
}

#[test]
fn a_burst_turns_the_pool_round_at_most_once() {
    let options = ScalerOptions::new().with_bounds(1, 100);
    // From one burst's beginning to that of the next; the pool's own beginning is over by the first.
    const EPISODE: u64 = 600;
    const BEGINNING: u64 = 240;
    for seed in 0..20 {
        for (base, peak, length) in [(2.0, 60.0, 60), (2.0, 200.0, 10), (10.0, 40.0, 240), (0.0, 30.0, 120)] {
            let rate = |second: u64| {
                let of_episode = second.checked_sub(BEGINNING).map(|second| second % EPISODE);
                if of_episode.is_some_and(|second| second < length) { peak } else { base }
            };
            let seen = replay(options, seed, BEGINNING + 3 * EPISODE, rate);
            for burst in 0..3 {
                let first = BEGINNING as usize + burst * EPISODE as usize;
                let episode = &seen[first..first + EPISODE as usize];
                let turns = turns(episode);
                let mut sizes: Vec<_> = episode.iter().map(|seen| seen.parallelism).collect();
                sizes.dedup();
                assert!(turns <= 1, "seed {seed}, {peak} a second for {length} s: turned round: {sizes:?}");
            }
        }
    }
}

#[test]
fn what_waits_is_worked_off_although_nothing_arrives() {
    let options = ScalerOptions::new().with_bounds(1, 20);
    for seed in 0..5 {
        // Thirty thousand at once are 100 minutes of work: five for twenty workers.
        let seen = replay(options, seed, 900, |second| if second == 0 { 30_000.0 } else { 0.0 });
        let done = seen.iter().skip(2).position(|seen| seen.queue == 0);
        assert!(done.is_some_and(|second| second < 400), "seed {seed}: worked off after {done:?} s");
        assert_eq!(seen[899].parallelism, 1, "seed {seed}: the pool did not shrink");
        assert!(turns(&seen) <= 1, "seed {seed}: turned round {} times", turns(&seen));
    }
}

#[test]
fn an_attempt_that_has_not_ended_counts_with_its_age() {
    let mut scaler = Scaler::new(ScalerOptions::new().with_bounds(1, 8));
    scaler.arrived(at(0), 100);
    scaler.started(at(0));
    scaler.waiting(99, 1);
    assert_eq!(scaler.parallelism(at(0)), 1, "nothing is known");
    let later = (1..=30).map(|minute| scaler.parallelism(at(minute * 60 * SECOND))).last();
    assert_eq!(later, Some(8), "an hour of work is seen as none");
    assert_eq!(scaler.scaling().processing, None, "an average was made of no sample");
}

#[test]
fn too_few_samples_do_not_shrink_a_pool() {
    let options = ScalerOptions::new().with_bounds(1, 8).with_patience(Duration::ZERO).with_samples(5);
    let mut scaler = Scaler::new(options);
    scaler.arrived(at(0), 80);
    (0..4).for_each(|_| scaler.started(at(0)));
    scaler.waiting(76, 4);
    let grown = scaler.parallelism(at(10 * SECOND));
    assert!(grown > 1, "what waits for 10 s needs more than one");
    (0..4).for_each(|_| scaler.finished(at(0), at(10 * SECOND)));
    scaler.waiting(0, 0);
    assert_eq!(scaler.parallelism(at(300 * SECOND)), grown, "four samples are fewer than five");
    scaler.started(at(300 * SECOND));
    scaler.finished(at(300 * SECOND), at(301 * SECOND));
    assert_eq!(scaler.parallelism(at(301 * SECOND)), 1, "five are enough, also where they are old");
}

#[test]
fn work_is_not_left_to_nobody_where_a_pool_may_be_empty() {
    let mut scaler = Scaler::new(ScalerOptions::new().with_bounds(0, 8));
    assert_eq!(scaler.parallelism(at(0)), 0);
    scaler.waiting(1, 0);
    assert_eq!(scaler.parallelism(at(SECOND)), 1);
}

#[test]
fn whatever_is_told_the_pool_keeps_its_bounds_and_its_numbers_are_finite() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let (minimum, more) = (rng.next_u64() as usize % 5, rng.next_u64() as usize % 50);
        let options = ScalerOptions::new()
            .with_bounds(minimum, minimum + more)
            .with_window(Duration::from_millis(rng.next_u64() % 100_000))
            .with_catch_up(Duration::from_millis(rng.next_u64() % 100_000))
            .with_patience(Duration::from_millis(rng.next_u64() % 100_000));
        let mut scaler = Scaler::new(options);
        let mut now = rng.next_u64() % 1_000_000;
        for _ in 0..500 {
            let moment = at(now);
            match rng.next_u64() % 6 {
                0 => scaler.arrived(moment, rng.next_u64() >> (rng.next_u64() % 64)),
                1 => scaler.started(moment),
                // Also of attempts that it was never told of, and of the future.
                2 => scaler.finished(at(rng.next_u64() % 2_000_000), moment),
                3 => scaler.interrupted(moment),
                4 => scaler.waiting(rng.next_u64() >> (rng.next_u64() % 64), rng.next_u64()),
                _ => now += rng.next_u64() % 10_000,
            }
            let workers = scaler.parallelism(moment);
            assert!((minimum..=minimum + more).contains(&workers), "seed {seed}: {workers} workers");
            let utilisation = scaler.scaling().utilisation.unwrap_or(0.0);
            assert!(utilisation.is_finite() && utilisation >= 0.0, "seed {seed}: {utilisation}");
        }
    }
}
