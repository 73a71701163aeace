//! Two processes on one state share the work.

use entourage_testkit::{Program, Rng, Scratch, eventually_async};

use crate::plain::{Counted, PATIENCE, count, run, settled_by_run, tree, wordcount};

fn alone(program: Program, out: &std::path::Path) -> Program {
    program.args(["--workers", "1"]).arg("--out").arg(out)
}

#[test]
fn two_processes_count_each_page_once_and_share_it_fairly() {
    let scratch = Scratch::new();
    let (input, state) = (scratch.join("in"), scratch.join("state.db"));
    let texts = tree(&input, 6000, &mut Rng::from_env());
    let outs = [scratch.join("a.json"), scratch.join("b.json")];
    let mut running: Vec<_> = outs.iter().map(|out| alone(wordcount(&input, &state), out).start()).collect();
    for process in &mut running {
        let _ = process.wait(PATIENCE).succeeded();
    }
    let [a, b] = outs.map(|out| Counted::read(&out));
    assert_eq!(a.counted + b.counted, a.pages, "a page was settled twice or by nobody");
    assert!(a.counted.min(b.counted) >= a.pages / 5, "{} and {} of {} pages", a.counted, b.counted, a.pages);
    assert_eq!(a.words, count(&texts));
    assert_eq!(a.words, b.words);
}

#[tokio::test]
async fn what_a_killed_process_settled_stays_settled_and_the_other_does_the_rest() {
    let scratch = Scratch::new();
    let (input, state, out) = (scratch.join("in"), scratch.join("state.db"), scratch.join("b.json"));
    let texts = tree(&input, 6000, &mut Rng::from_env());
    let mut victim = alone(wordcount(&input, &state), &scratch.join("a.json")).start();
    let mut other = alone(wordcount(&input, &state), &out).start();
    let fifth = texts.len() as u64 / 5;
    eventually_async(PATIENCE, "the victim settles a fifth of the pages", async || {
        if !state.exists() {
            return None;
        }
        let settled = settled_by_run(&state).await;
        settled.get(&victim.pid()).copied().filter(|pages| *pages >= fifth)
    })
    .await;
    victim.kill9();
    let _ = other.wait(PATIENCE).succeeded();

    let counted = Counted::read(&out);
    let settled = settled_by_run(&state).await;
    let of_victim = settled[&victim.pid()];
    assert_eq!(of_victim + counted.counted, counted.pages, "a page was settled twice or by nobody");
    assert!(of_victim.min(counted.counted) >= counted.pages / 5, "{of_victim} and {} pages", counted.counted);
    assert_eq!(counted.words, count(&texts));
}

#[test]
fn a_state_of_other_paths_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let (input, other, state) = (scratch.join("in"), scratch.join("other"), scratch.join("state.db"));
    tree(&input, 3, &mut Rng::from_env());
    tree(&other, 3, &mut Rng::from_env());
    run(&wordcount(&input, &state), 0);
    let refused = run(&wordcount(&other, &state), 2);
    assert!(
        refused.stderr.contains("of another job") && refused.stderr.contains("--fresh"),
        "{}",
        refused.stderr
    );
    run(&wordcount(&input, &state), 0);
}
