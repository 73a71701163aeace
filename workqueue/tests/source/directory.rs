//! Files as items: what is offered, and what never is.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use entourage_core::{Clock, PausedClock, sleep, timeout};
use entourage_testkit::Scratch;
use entourage_workqueue::{DirSink, DirectorySource, ItemData, SinkError, SourceError, WorkSource};

use crate::serving::{name, patiently, texts};

fn at_once(root: &Path, pattern: &str) -> DirectorySource {
    DirectorySource::new(root).unwrap().with_glob(pattern).unwrap().with_settle(Duration::ZERO)
}

fn put(root: &Path, file: &str, content: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn files_are_listed_by_their_paths_below_the_root() {
    let scratch = Scratch::new();
    for file in ["b.mp4", "a.mp4", "notes.txt", "d/e/c.mp4", ".hidden.mp4", "d/.cache/x.mp4"] {
        put(scratch.path(), file, "…");
    }
    let top = at_once(scratch.path(), "*.mp4").items().await.unwrap();
    assert_eq!(texts(&top), ["a.mp4", "b.mp4"]);
    let all = at_once(scratch.path(), "**/*.mp4");
    let listing = all.items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["a.mp4", "b.mp4", "d/e/c.mp4"], true));
    let data = all.item(&name("d/e/c.mp4")).await.unwrap().unwrap();
    let path = scratch.join("d/e/c.mp4");
    assert_eq!(data.bytes(), &format!(r#"{{"path":"{}","bytes":3}}"#, path.display()));
    // What is not offered is not given either.
    for hidden in [".hidden.mp4", "d/.cache/x.mp4", "notes.txt", "d/e", "none.mp4"] {
        assert_eq!(all.item(&name(hidden)).await.unwrap(), None, "{hidden}");
    }
}

#[tokio::test]
async fn no_link_leads_out_of_the_root() {
    let scratch = Scratch::new();
    let root = scratch.join("root");
    put(&root, "own", "ours");
    put(scratch.path(), "secret/key", "theirs");
    symlink(scratch.join("secret/key"), root.join("file-link")).unwrap();
    symlink(scratch.join("secret"), root.join("folder-link")).unwrap();
    symlink("own", root.join("inner-link")).unwrap();
    let source = at_once(&root, "**").with_contents();
    assert_eq!(texts(&source.items().await.unwrap()), ["own"]);
    for out in
        ["file-link", "folder-link/key", "inner-link", "../secret/key", "own/../../secret/key", "/etc/passwd"]
    {
        assert_eq!(source.item(&name(out)).await.unwrap(), None, "{out}");
    }
    // The root itself may be one: whoever chose it meant where it leads.
    let link = scratch.join("root-link");
    symlink(&root, &link).unwrap();
    assert_eq!(at_once(&link, "**").items().await.unwrap().names().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_being_written_is_not_offered() {
    let scratch = Scratch::new();
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    put(scratch.path(), "old", "all of it");
    let source = DirectorySource::new(scratch.path())
        .unwrap()
        .with_settle(Duration::from_secs(10))
        .with_clock(Arc::clone(&clock));
    let began = clock.now();
    // Nothing was known of it, so the first listing looks twice.
    assert_eq!(texts(&source.items().await.unwrap()), ["old"]);
    assert!(clock.now().since(began) >= Duration::from_secs(10));
    put(scratch.path(), "new", "a");
    for more in ["ab", "abc", "abcd"] {
        assert_eq!(texts(&source.items().await.unwrap()), ["old"]);
        sleep(&*clock, Duration::from_secs(9)).await;
        put(scratch.path(), "new", more);
    }
    assert_eq!(texts(&source.items().await.unwrap()), ["old"]);
    sleep(&*clock, Duration::from_secs(11)).await;
    assert_eq!(texts(&source.items().await.unwrap()), ["new", "old"]);
}

#[tokio::test]
async fn hostile_file_names_are_skipped_and_counted() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let scratch = Scratch::new();
    for bytes in [&b"good"[..], b"line\nfeed", b"\xff\xfe", b"tab\there", "é".as_bytes(), b"-rf", b"a b"] {
        fs::write(scratch.path().join(OsStr::from_bytes(bytes)), "x").unwrap();
    }
    let source = at_once(scratch.path(), "*");
    let listing = source.items().await.unwrap();
    assert_eq!(texts(&listing), ["-rf", "a b", "good", "é"]);
    assert_eq!((listing.skipped().count(), listing.is_complete()), (3, true));
    assert_eq!(source.counters().counter("names_skipped").value(), 3);
}

#[tokio::test]
async fn what_is_no_regular_file_is_nothing() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.join("folder")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scratch.join("socket")).unwrap();
    let fifo = scratch.join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let source = at_once(scratch.path(), "**").with_contents();
    assert!(source.items().await.unwrap().names().is_empty());
    for other in ["folder", "socket", "fifo"] {
        assert_eq!(source.item(&name(other)).await.unwrap(), None, "{other}");
    }
}

#[tokio::test]
async fn limits_are_kept_and_said() {
    let scratch = Scratch::new();
    for file in ["a", "b", "c"] {
        put(scratch.path(), file, "x");
    }
    let listing = at_once(scratch.path(), "*").with_limit(2).items().await.unwrap();
    assert_eq!((listing.names().len(), listing.is_complete()), (2, false));
    assert!(listing.missing()[0].reason.contains("more than 2 files"));
    for file in ["d/1", "d/2", "d/3", "e/1"] {
        put(scratch.path(), file, "x");
    }
    let listing = at_once(scratch.path(), "**").with_limit(2).items().await.unwrap();
    assert_eq!((listing.names().len(), listing.missing().len()), (2, 1));
    fs::remove_dir_all(scratch.join("d")).unwrap();
    // What is too deep is said to be missing, and the rest is listed.
    let deep = "d/".repeat(40);
    put(scratch.path(), &format!("{deep}x"), "x");
    let listing = at_once(scratch.path(), "**").items().await.unwrap();
    assert_eq!((texts(&listing), listing.is_complete()), (vec!["a", "b", "c", "e/1"], false));
    fs::write(scratch.join("large"), vec![b'x'; ItemData::MAX_BYTES + 1]).unwrap();
    let source = at_once(scratch.path(), "*").with_contents();
    let error = source.item(&name("large")).await.unwrap_err();
    assert!(matches!(error, SourceError::TooLarge { limit: ItemData::MAX_BYTES, .. }), "{error:?}");
    assert!(at_once(scratch.path(), "*").item(&name("large")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_root_that_is_not_there_is_an_error_and_no_empty_list() {
    let scratch = Scratch::new();
    let root = scratch.join("later");
    let source = at_once(&root, "*");
    assert!(matches!(source.items().await, Err(SourceError::Unavailable { .. })));
    assert!(matches!(source.item(&name("a")).await, Err(SourceError::Unavailable { .. })));
    put(&root, "a", "x");
    assert_eq!(texts(&source.items().await.unwrap()), ["a"]);
}

#[tokio::test]
async fn who_lists_while_a_sink_writes_sees_whole_files_only() {
    let scratch = Scratch::new();
    let (sink, source) = (DirSink::new(scratch.path()), at_once(scratch.path(), "*").with_contents());
    let seen = Arc::new(AtomicU32::new(0));
    let had = Arc::clone(&seen);
    let writing = tokio::spawn(async move {
        let mut writes = 0;
        for byte in (b'a'..=b'z').cycle() {
            if had.load(Ordering::Relaxed) >= 10 {
                break;
            }
            writes += 1;
            sink.write(&name("item"), ItemData::new(vec![byte; 512 * 1024]).unwrap()).await.unwrap();
        }
        (writes, sink.counters().counter("items_written_total").value())
    });
    patiently(async {
        while !writing.is_finished() {
            if let Some(data) = source.item(&name("item")).await.unwrap() {
                let bytes = data.bytes();
                assert_eq!(bytes.len(), 512 * 1024);
                assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a file of two writes");
                seen.fetch_add(1, Ordering::Relaxed);
            }
            assert!(texts(&source.items().await.unwrap()).iter().all(|listed| *listed == "item"));
        }
    })
    .await;
    let (writes, counted) = writing.await.unwrap();
    assert_eq!(counted, writes);
}

#[tokio::test]
async fn a_sink_replaces_and_never_follows() {
    let scratch = Scratch::new();
    let root = scratch.join("root");
    put(&root, "own", "old");
    put(scratch.path(), "outside", "untouched");
    symlink(scratch.join("outside"), root.join("link")).unwrap();
    let sink = DirSink::new(&root);
    for file in ["own", "link"] {
        sink.write(&name(file), ItemData::new("new").unwrap()).await.unwrap();
        assert_eq!(fs::read(root.join(file)).unwrap(), b"new");
        assert!(!fs::symlink_metadata(root.join(file)).unwrap().is_symlink());
    }
    assert_eq!(fs::read(scratch.join("outside")).unwrap(), b"untouched");
    assert_eq!(fs::metadata(root.join("own")).unwrap().permissions().mode() & 0o022, 0);
    fs::create_dir(root.join("folder")).unwrap();
    let error = sink.write(&name("folder"), ItemData::new("x").unwrap()).await.unwrap_err();
    assert!(matches!(error, SinkError::NotWritten { .. }), "{error:?}");
    let error = DirSink::new(scratch.join("none")).write(&name("a"), ItemData::new("x").unwrap()).await;
    assert!(matches!(error, Err(SinkError::NotWritten { .. })));
    // Nothing half-written is left, hidden or not.
    let mut left: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["folder", "link", "own"]);
}

#[tokio::test(start_paused = true)]
async fn a_first_listing_that_was_given_up_leaves_no_list_that_seems_complete() {
    let scratch = Scratch::new();
    let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
    put(scratch.path(), "old", "x");
    let source = DirectorySource::new(scratch.path())
        .unwrap()
        .with_settle(Duration::from_secs(60))
        .with_clock(Arc::clone(&clock));
    // Who asks has less patience than the files need.
    assert!(timeout(&*clock, Duration::from_secs(10), source.items()).await.is_err());
    assert_eq!(texts(&source.items().await.unwrap()), ["old"]);
}

#[tokio::test]
async fn what_a_killed_writer_left_is_in_nobodys_way() {
    let scratch = Scratch::new();
    let left: Vec<String> = (0..40).map(|n| format!(".entourage-{}-{n}", std::process::id())).collect();
    for file in &left {
        put(scratch.path(), file, "half");
    }
    let sink = DirSink::new(scratch.path());
    sink.write(&name("a"), ItemData::new("whole").unwrap()).await.unwrap();
    assert_eq!(texts(&at_once(scratch.path(), "*").items().await.unwrap()), ["a"]);
    // They may be another process's, which is still writing.
    assert!(left.iter().all(|file| scratch.join(file).exists()));
}
