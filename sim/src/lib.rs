#![doc = include_str!("../README.md")]

mod call;
mod checkers;
mod clock;
mod context;
mod coverage;
mod dial;
mod faults;
mod history;
mod link;
mod process;
mod pulse;
mod rng;
mod run;
mod seeds;
mod sim;
mod slot;
mod substrate;
mod timers;
mod trace;
mod world;

pub use self::{
    call::{Call, CrashPoint, Side},
    checkers::{
        BrokenFence, BrokenQueue, BrokenRegister, Effects, Sample, check_effects, check_fences, check_grants,
        check_registers, fence_samples, grant_samples, queue_samples, register_samples, repeat_samples,
    },
    clock::SimClock,
    context::Context,
    coverage::Coverage,
    faults::{Fault, Faults},
    history::{Event, History, Malformed, Op, Taken, What},
    link::Injected,
    rng::Rng,
    run::{Run, Stuck},
    seeds::Seeds,
    sim::Sim,
    substrate::{SimQueue, SimStore},
    trace::Trace,
};
