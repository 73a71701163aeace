//! Who is compared with whom, and what the ratios are to be.

use entourage_rivals::{Contender, judge};

use crate::BATCH;

pub const COLUMNS: [&str; 3] = ["publish", "receive and accept", "one after the other"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Streams,
    Apalis,
    BullMq,
    Celery,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "RedisQueue",
            Self::Streams => "raw Streams",
            Self::Apalis => "apalis-redis 1.0",
            Self::BullMq => "BullMQ 6.7",
            Self::Celery => "Celery 5.7",
        }
    }

    /// How many items take it some tenths of a second, of two hundred a taste.
    pub const fn items(self, table: &Table, is_durable: bool) -> usize {
        match self {
            // Above 8,000 its fetch fails.
            Self::Apalis => 7_000,
            Self::Celery => 500,
            _ if table.batch == 1 => {
                if is_durable {
                    1_000
                } else {
                    4_000
                }
            }
            Self::BullMq => 10_000,
            Self::Ours | Self::Streams => 30_000,
        }
    }
}

/// Contenders that are compared in the same way.
pub struct Table {
    pub what: &'static str,
    pub batch: usize,
    pub keys: usize,
    pub rivals: &'static [Rival],
}

impl Table {
    /// Ours, and then the others.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        [Kind::Ours].into_iter().chain(self.rivals.iter().map(|rival| rival.kind))
    }

    /// What is to be beside this one.
    pub fn rival(&self, kind: Kind) -> Option<&Rival> {
        self.rivals.iter().find(|rival| rival.kind == kind)
    }
}

/// Who is compared with ours.
pub struct Rival {
    pub kind: Kind,
    /// How many times its speed ours is to be, in each column.
    pub bars: [Option<Bar>; 3],
    /// Whether our client is to need less processor time.
    pub is_cheaper: bool,
}

#[derive(Clone, Copy)]
pub struct Bar {
    bar: f64,
    goal: f64,
}

const fn bar(bar: f64, goal: f64) -> Option<Bar> {
    Some(Bar { bar, goal })
}

pub const TABLES: [Table; 3] = [
    Table {
        what: "batches of 100",
        batch: BATCH,
        keys: 0,
        rivals: &[
            Rival { kind: Kind::Streams, bars: [bar(0.5, 0.65), bar(0.7, 0.85), None], is_cheaper: false },
            Rival { kind: Kind::Apalis, bars: [bar(5.0, 8.0); 3], is_cheaper: true },
            Rival { kind: Kind::BullMq, bars: [bar(5.0, 8.0); 3], is_cheaper: true },
        ],
    },
    Table {
        what: "batches of 100, 1,000 keys",
        batch: BATCH,
        keys: 1_000,
        rivals: &[Rival {
            kind: Kind::Streams,
            bars: [bar(0.35, 0.5), bar(0.5, 0.5), None],
            is_cheaper: false,
        }],
    },
    Table {
        what: "one at a time",
        batch: 1,
        keys: 0,
        rivals: &[
            Rival { kind: Kind::Streams, bars: [bar(0.8, 0.8), bar(0.8, 0.8), None], is_cheaper: false },
            Rival { kind: Kind::BullMq, bars: [bar(1.3, 1.3); 3], is_cheaper: false },
            Rival { kind: Kind::Celery, bars: [None; 3], is_cheaper: false },
        ],
    },
];

/// Prints what is to be, and whether it is.
pub fn say_bars(rival: &Rival, ours: &Contender, theirs: &Contender) {
    let name = rival.kind.name();
    for (column, what) in COLUMNS.into_iter().enumerate() {
        if let Some(Bar { bar, goal }) = rival.bars[column] {
            let times = ours.times(column, theirs);
            let said = if goal > bar { format!(">= {bar}, goal {goal}") } else { format!(">= {bar}") };
            judge(&format!("{what}, times {name}"), format_args!("{times:.2}"), said, times >= bar);
        }
        if rival.is_cheaper {
            let share = ours.cpu(column) / theirs.cpu(column);
            let what = format!("{what}, our client's processor time, of {name}");
            judge(&what, format_args!("{share:.2}"), "< 1", share < 1.0);
        }
    }
}
