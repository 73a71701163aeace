//! What an operator asks every program: is it alive, is it ready, how much, and what is it.

mod accept;
mod exposition;
mod page;

pub use self::{
    exposition::{Exposition, Sample},
    page::{Admin, Liveness},
};
