//! Epochs, which are granted without an fsync.

use std::{path::Path, sync::Arc};

use entourage::core::Clock;
use entourage_engine::sqlite::{Durability, Error, Options, Schema, SqliteFile};

use crate::{Subject, runtime};

pub(crate) const SUBJECT: Subject = Subject { name: "epochs", write, faults, is_write: |_| true };

/// No tables: the epochs are the file's own.
const NOTHING: Schema = Schema { name: "nothing", version: 1, create: "", rebooted: |_, _| Ok(()) };

/// Two handles, as two processes would have them.
fn open(path: &Path, options: &Options) -> Result<[SqliteFile; 2], Error> {
    let open = || SqliteFile::open(path, &NOTHING, options.clone());
    Ok([open()?, open()?])
}

async fn epoch(file: &SqliteFile) -> Result<u64, Error> {
    file.write(Durability::Relaxed, |tx| Ok(tx.epoch())).await
}

/// Prints each epoch as it is granted.
fn write(path: &Path) {
    let files = open(path, &Options::new()).expect("the file opens");
    runtime().block_on(async {
        for file in files.iter().cycle() {
            // Without power every call fails, sooner or later.
            let Ok(epoch) = epoch(file).await else { return };
            println!("{epoch}");
        }
    });
}

fn faults(path: &Path, clock: Arc<dyn Clock>, lines: &[&str]) -> Vec<String> {
    let granted = lines.iter().map(|line| line.parse::<u64>().expect("an epoch was printed"));
    let files = match open(path, &Options::new().with_clock(clock)) {
        Ok(files) => files,
        Err(error) => return vec![format!("it does not open: {error:?}")],
    };
    let after = runtime().block_on(async {
        let mut after = Vec::new();
        for file in files.iter().cycle().take(10) {
            after.push(epoch(file).await.expect("a file of a running machine answers"));
        }
        after
    });
    let all: Vec<_> = granted.chain(after).collect();
    let repeated = all.windows(2).filter(|pair| pair[0] >= pair[1]);
    repeated.map(|pair| format!("epoch {} comes after {}", pair[1], pair[0])).collect()
}
