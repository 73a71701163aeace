//! Managers on a queue in memory, on a clock that jumps from event to event; and on real backends.

mod drain;
mod every_step;
mod faults;
mod finish;
mod kills;
mod ledger;
mod redrive;
mod settle;
mod shared;
mod site;
mod telling;
