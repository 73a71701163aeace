//! Which videos are being cut right now, for whoever draws them.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entourage::{
    queue::Item,
    workqueue::{Attempt, CommandWorker, Worker, worker_fn},
};

use crate::place::pictures_in;

/// Which videos are being cut right now.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    /// By the video's name.
    running: BTreeMap<String, Row>,
    /// How many pictures a video will have, as far as it was measured.
    expected: BTreeMap<String, usize>,
}

/// A video that is being cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Where its pictures appear.
    folder: PathBuf,
    /// How many there are.
    pub pictures: usize,
    /// How many there will be, if that is known.
    pub expected: Option<usize>,
}

impl Board {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Each change is whole, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of how many frames a video has.
    pub fn measured(&self, name: &str, frames: u64) {
        let pictures = usize::try_from(frames.div_ceil(100)).unwrap_or(usize::MAX);
        self.rows().expected.insert(name.to_owned(), pictures);
    }

    fn list(&self, item: &Item, attempt: &Attempt, pictures: &str) -> Listed {
        let name = item.id().to_string();
        let folder = attempt.folder().unwrap_or_default().join(pictures);
        let mut rows = self.rows();
        let expected = rows.expected.remove(&name);
        rows.running.insert(name.clone(), Row { folder, pictures: 0, expected });
        Listed { board: self.clone(), name }
    }

    /// The videos that are being cut, each with its pictures so far.
    pub fn running(&self) -> BTreeMap<String, Row> {
        let mut running = self.rows().running.clone();
        // Without the lock: a disk may be slow.
        for row in running.values_mut() {
            row.pictures = pictures_in(&row.folder, row.pictures);
        }
        for (name, seen) in &running {
            if let Some(row) = self.rows().running.get_mut(name) {
                row.pictures = seen.pictures;
            }
        }
        running
    }
}

/// `command`, on the board while it runs, however it ends. Its pictures appear in the folder
/// `pictures` of the item's folder.
pub fn shown(board: Board, command: CommandWorker, pictures: &'static str) -> impl Worker {
    worker_fn("shown", move |item, attempt| {
        let (board, command) = (board.clone(), command.clone());
        async move {
            let _listed = board.list(&item, &attempt, pictures);
            command.work(&item, &attempt).await
        }
    })
}

/// Takes a video from the board when it is dropped.
struct Listed {
    board: Board,
    name: String,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.board.rows().running.remove(&self.name);
    }
}
