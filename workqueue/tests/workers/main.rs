//! Workers with real processes, and several workers as one.

mod bench;
mod contract;
mod ends;
mod folders;
mod groups;
mod multi_worker;
mod outputs;
