//! The servers of a pool: which of them has a key, and which of them serve.

mod health;
mod placement;
mod router;

pub(crate) use self::{
    health::{Ejection, Health},
    placement::{Placement, Placing},
    router::Router,
};
