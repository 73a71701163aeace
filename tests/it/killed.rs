//! A run that is killed goes on where it was.

use entourage_testkit::{Rng, Scratch, eventually};

use crate::plain::{Counted, PATIENCE, count, run, status, tree, wordcount};

const KILLS: u64 = 30;

#[test]
fn thirty_kills_lose_nothing_and_repeat_nothing() {
    let scratch = Scratch::new();
    let (input, state, out) = (scratch.join("in"), scratch.join("state.db"), scratch.join("out.json"));
    let texts = tree(&input, 8000, &mut Rng::from_env());
    let program = wordcount(&input, &state).args(["--workers", "1"]).arg("--out").arg(&out);

    let mut settled = 0;
    for kill in 1..=KILLS {
        let mut victim = program.start();
        // Killed once it has done something that the last one had not.
        let before = settled;
        settled = eventually(PATIENCE, "a run settles a page", || {
            assert!(victim.is_running(), "the run ended before kill {kill}: make the input larger");
            state.exists().then(|| status(&input, &state).1).filter(|now| *now > before)
        });
        victim.kill9();
        let after = status(&input, &state).1;
        assert!(after >= settled, "kill {kill} undid {} pages", settled - after);
        settled = after;
    }

    run(&program, 0);
    let counted = Counted::read(&out);
    assert_eq!(counted.words, count(&texts), "a word was lost or counted twice");
    assert_eq!(counted.total, counted.words.values().sum::<u64>());
    assert!(
        counted.counted <= counted.pages - settled,
        "{} of {} pages again",
        counted.counted,
        counted.pages
    );
    assert_eq!(status(&input, &state), (Some(counted.pages), counted.pages));
}

#[test]
fn a_finished_state_answers_at_once_and_names_what_changed() {
    let scratch = Scratch::new();
    let (input, state, out) = (scratch.join("in"), scratch.join("state.db"), scratch.join("out.json"));
    let texts = tree(&input, 10, &mut Rng::from_env());
    let program = wordcount(&input, &state).arg("--out").arg(&out);
    run(&program, 0);
    let first = Counted::read(&out);
    assert_eq!((first.counted, first.pages), (10, 10));

    let changed = texts.keys().next().unwrap();
    std::fs::write(changed, "something else").unwrap();
    let again = run(&program, 0);
    assert!(again.stdout.contains(&format!("changed since: {}", changed.display())), "{}", again.stdout);
    assert_eq!(Counted::read(&out), Counted { counted: 0, ..first });

    run(&program.arg("--fresh"), 0);
    let fresh = Counted::read(&out);
    assert_eq!(fresh.counted, 10);
    assert_eq!(fresh.words["something"], 1);
}
