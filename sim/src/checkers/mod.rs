//! Judges of histories, which trust only what was recorded.

mod fences;
mod queue;
mod registers;
mod samples;
mod search;

pub use self::{
    fences::{BrokenFence, check_fences, check_grants},
    queue::{BrokenQueue, Effects, check_effects},
    registers::{BrokenRegister, check_registers},
    samples::{Sample, fence_samples, grant_samples, queue_samples, register_samples, repeat_samples},
};
