//! The book's HTTP form of a source, served and consumed.

mod consumed;
mod read;
mod served;
mod shape;
mod write;

pub use self::{consumed::HttpSource, served::SourceServer, shape::Shape};
