//! What the minute was like, and what was to be expected.

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::{
    arithmetic::Arithmetic,
    chart::chart,
    minute::{BACK, KILLED, Minute, SECONDS, Setting},
    plan::Plan,
};

/// How far, of one, a hit rate may be from the arithmetic, whose shards are all alike.
const NEAR: f64 = 0.1;

/// The minutes of all plans, in their order.
#[derive(Debug)]
pub struct Report {
    pub setting: Setting,
    pub minutes: [Minute; 3],
    /// What a request costs that is found, and one that is not, in milliseconds.
    pub costs: (f64, f64),
}

impl Report {
    /// The chart and the tables.
    pub fn text(&self) -> String {
        let Setting { shards, keys, room, victim, .. } = self.setting;
        let [ring, _, modulo] = &self.minutes;
        let marks = [(KILLED, "killed"), (BACK, "back, empty")];
        let drawn = chart(&ring.found, Some(&modulo.found), &marks);
        format!(
            "{shards} caches of {room} entries, {keys} keys; cache {victim} is killed after {KILLED} s.\n\n\
             Hit rate: ● consistent hashing, ○ modulo, ◉ both\n{drawn}\n{}\n\n{}\n\
             Expected: one in {shards} is lost where the others keep their keys; one in {shards} is\n\
             found where all are counted off anew. The origin has as many times the work.\n",
            self.rates(),
            self.kill()
        )
    }

    fn rates(&self) -> Table {
        let mut table = table(["hit rate", "before", "killed", "settled", "back", "settled"]);
        for (plan, minute) in Plan::ALL.into_iter().zip(&self.minutes) {
            let rates = [
                minute.settled(KILLED),
                minute.after_kill,
                minute.settled(BACK),
                minute.after_return,
                minute.settled(SECONDS),
            ];
            let rates = rates.map(|rate| format!("{:.1} %", 100.0 * rate));
            table.add_row(std::iter::once(plan.name().to_owned()).chain(rates));
        }
        right(table, 5)
    }

    /// The arithmetic of the moment of the kill, beside what the caches had.
    fn kill(&self) -> Table {
        let head = ["the moment of the kill", "expected", "in the caches", "ms a request", "origin"];
        let mut table = table(head);
        for (plan, minute) in Plan::ALL.into_iter().zip(&self.minutes) {
            let of = self.arithmetic(minute);
            let expected = expected(plan, &of);
            table.add_row([
                plan.name().to_owned(),
                format!("{:.1} %", 100.0 * expected),
                format!("{:.1} %", 100.0 * minute.after_kill),
                format!("{:.1} -> {:.1}", of.cost(of.hits), of.cost(minute.after_kill)),
                format!("× {:.2}", of.origin(minute.after_kill)),
            ]);
        }
        right(table, 4)
    }

    /// What is not as it was to be expected.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (plan, minute) in Plan::ALL.into_iter().zip(&self.minutes) {
            let expected = expected(plan, &self.arithmetic(minute));
            if (minute.after_kill - expected).abs() > NEAR {
                faults.push(format!(
                    "{}: {:.3} of the requests are found after the kill, and {expected:.3} were expected",
                    plan.name(),
                    minute.after_kill
                ));
            }
        }
        let [ring, nobody, modulo] = &self.minutes;
        if ring.after_kill <= modulo.after_kill || ring.after_return <= modulo.after_return {
            faults.push("the ring has lost more than modulo".to_owned());
        }
        if ring.settled(BACK) <= nobody.settled(BACK) {
            faults.push("the spill-over has found nothing".to_owned());
        }
        faults
    }

    fn arithmetic(&self, minute: &Minute) -> Arithmetic {
        let (hit, miss) = self.costs;
        Arithmetic { shards: self.setting.shards, hits: minute.settled(KILLED), hit, miss }
    }
}

fn expected(plan: Plan, of: &Arithmetic) -> f64 {
    match plan {
        Plan::Ring | Plan::Nobody => of.one_lost(),
        Plan::Modulo => of.counted_off_anew(),
    }
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(head);
    table
}

/// All columns of numbers end at the right.
fn right(mut table: Table, numbers: usize) -> Table {
    for column in table.column_iter_mut().skip(1).take(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
