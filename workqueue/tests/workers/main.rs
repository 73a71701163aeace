//! Workers with real processes, and several workers as one.

mod bench;
mod contract;
mod ends;
mod file_worker;
mod folders;
mod groups;
mod multi_worker;
mod nested;
mod outputs;
