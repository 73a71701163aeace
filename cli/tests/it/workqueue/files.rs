//! A command for every file.

use std::fs;

use entourage_testkit::{Scratch, let_pass};

use super::{PATIENCE, counted, files, has_lines, lines, run_files, worker};

#[test]
fn a_command_runs_once_for_every_file_and_gets_the_file_itself() {
    let scratch = Scratch::new();
    files(&scratch, 0);
    let deep = scratch.join("inbox/a b");
    fs::create_dir(&deep).expect("it can be made");
    for (name, content) in [("a b/x.txt", "deep"), ("y.txt", "flat"), ("z.png", "no text")] {
        fs::write(scratch.join("inbox").join(name), content).expect("it can be written");
    }
    let out = scratch.join("out");
    let script = "cat \"$1\" \"$INPUT_FILE\" >> \"$2\"; echo >> \"$2\"";
    let once = || {
        let files = run_files(&scratch).args(["--once", "--recursive", "--glob", "*.txt", "--input-file"]);
        let program = files.args(["--worker", "sh", "--", "-ec", script, "sh", "$(INPUT_FILE)"]).arg(&out);
        program.start().wait(PATIENCE).succeeded()
    };
    once();
    let mut done = lines(&out);
    done.sort();
    assert_eq!(done, ["deepdeep", "flatflat"]);
    once();
    assert_eq!(lines(&out).len(), 2, "what is done is not done again");
    fs::write(scratch.join("inbox/new.txt"), "new").expect("it can be written");
    once();
    assert_eq!(lines(&out).last().map(String::as_str), Some("newnew"));
}

#[test]
fn q1_a_run_that_is_to_finish_ends_when_nothing_is_unfinished() {
    let scratch = Scratch::new();
    files(&scratch, 4);
    let log = scratch.join("log");
    let script = format!(r#"sleep 0.4; echo "$ENTOURAGE_ITEM" >> "{}""#, log.display());
    let once = run_files(&scratch).args(["--once", "--"]).arg(worker(&scratch, &script));
    let ended = once.start().wait(PATIENCE).succeeded();
    assert_eq!(lines(&log).len(), 4, "{ended:?}");
}

#[test]
fn q1_kill_9_in_the_middle_loses_nothing_and_repeats_only_what_was_in_work() {
    let scratch = Scratch::new();
    files(&scratch, 24);
    let (began, ended) = (scratch.join("began"), scratch.join("ended"));
    let script = format!(
        r#"echo "$ENTOURAGE_ITEM" >> "{}"; sleep 0.05; echo "$ENTOURAGE_ITEM" >> "{}""#,
        began.display(),
        ended.display()
    );
    let worker = worker(&scratch, &script);
    let start = || {
        run_files(&scratch).args(["--once", "--parallelism", "2", "--lease", "2s", "--"]).arg(&worker).start()
    };
    let mut kills = 0;
    for until in [4, 10, 16] {
        let mut killed = start();
        has_lines(&began, until);
        killed.kill9();
        kills += 1;
    }
    let _ = start().wait(PATIENCE).succeeded();
    assert_eq!(counted(lines(&ended)).len(), 24, "none is lost");
    let repeated: usize = counted(lines(&began)).iter().map(|(_, times)| times - 1).sum();
    assert!(repeated <= 2 * kills, "{repeated} of two in work at each of {kills} kills");
}

#[test]
fn q2_two_programs_on_one_ledger_share_the_work_and_do_each_item_once() {
    let scratch = Scratch::new();
    files(&scratch, 30);
    let log = scratch.join("log");
    // Neither goes on before both have begun.
    let script = format!(
        r#": > "{0}-$1"; while ! [ -e "{0}-one" ] || ! [ -e "{0}-two" ]; do sleep 0.02; done
        echo "$ENTOURAGE_ITEM $1" >> "{0}""#,
        log.display()
    );
    let worker = worker(&scratch, &script);
    let both =
        ["one", "two"].map(|name| run_files(&scratch).args(["--once", "--"]).arg(&worker).arg(name).start());
    for mut one in both {
        let _ = one.wait(PATIENCE).succeeded();
    }
    let items = lines(&log).into_iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned());
    let counts = counted(items.collect());
    assert_eq!(counts.len(), 30);
    assert!(counts.iter().all(|(_, times)| *times == 1), "{counts:?}");
    for name in ["one", "two"] {
        assert!(lines(&log).iter().any(|line| line.ends_with(name)), "{name} has worked, too");
    }
}

#[test]
fn q4_sigterm_takes_no_more_and_waits_for_what_is_in_work() {
    let scratch = Scratch::new();
    files(&scratch, 5);
    let (began, ended, go) = (scratch.join("began"), scratch.join("ended"), scratch.join("go"));
    let script = format!(
        r#"echo "$ENTOURAGE_ITEM $ENTOURAGE_ATTEMPT" >> "{}"
        while ! [ -e "{}" ]; do sleep 0.02; done; echo x >> "{}""#,
        began.display(),
        go.display(),
        ended.display()
    );
    let worker = worker(&scratch, &script);
    let mut running = run_files(&scratch).arg("--").arg(&worker).start();
    has_lines(&began, 1);
    running.terminate();
    entourage_testkit::eventually(PATIENCE, "it drains", || {
        running.stderr().contains("draining").then_some(())
    });
    fs::write(&go, "").expect("it can be written");
    let _ = running.wait(PATIENCE).succeeded();
    assert_eq!((lines(&began).len(), lines(&ended).len()), (1, 1), "one was in work, and no other was begun");

    // Interrupted at once by a second signal: no attempt is burnt.
    fs::remove_file(&go).expect("it is there");
    let mut running = run_files(&scratch).arg("--once").arg("--").arg(&worker).start();
    let item = has_lines(&began, 2).remove(1);
    running.terminate();
    entourage_testkit::eventually(PATIENCE, "it drains", || {
        running.stderr().contains("draining").then_some(())
    });
    running.terminate();
    assert_eq!(running.wait(PATIENCE).status.code(), Some(1), "not all was done");
    fs::write(&go, "").expect("it can be written");
    let _ = run_files(&scratch).arg("--once").arg("--").arg(&worker).start().wait(PATIENCE).succeeded();
    assert_eq!(lines(&ended).len(), 5);
    assert!(
        item.ends_with(" 1") && lines(&began).iter().all(|line| line.ends_with(" 1")),
        "{:?}",
        lines(&began)
    );
}

#[test]
fn sigusr1_pauses_and_sigusr2_resumes() {
    use rustix::process::{Pid, Signal, kill_process};

    let scratch = Scratch::new();
    files(&scratch, 1);
    let log = scratch.join("log");
    let script = format!(r#"echo "$ENTOURAGE_ITEM" >> "{}""#, log.display());
    let mut running = run_files(&scratch).args(["--admin", "0", "--"]).arg(worker(&scratch, &script)).start();
    let page = crate::page::Page::of(&running);
    page.is_ready(true);
    has_lines(&log, 1);
    let pid = i32::try_from(running.pid()).ok().and_then(Pid::from_raw).expect("it has a number");
    kill_process(pid, Signal::USR1).expect("it runs");
    page.is_unready("paused");
    files(&scratch, 2);
    page.shows("entourage_workqueue_items_visible", "work", 1.0);
    let_pass(std::time::Duration::from_millis(300));
    assert_eq!(lines(&log).len(), 1, "nothing is begun");
    kill_process(pid, Signal::USR2).expect("it runs");
    has_lines(&log, 2);
    page.is_ready(true);
    running.terminate();
    let _ = running.wait(PATIENCE).succeeded();
}
