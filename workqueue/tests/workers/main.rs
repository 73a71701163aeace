//! Workers with real processes, and several workers as one.

mod bench;
mod contract;
mod ends;
mod file_worker;
mod folders;
mod full_disk;
mod groups;
mod last_moment;
mod multi_worker;
mod nested;
mod outputs;
