//! The promises of the crate page, through the public API.

mod model;
mod partial;
mod policy;
