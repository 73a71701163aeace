//! Lists and Streams of a Redis that other programs fill.

mod list;
mod reach;
mod stream;

pub use self::{
    list::RedisListSource,
    stream::{RedisStreamSource, StreamStart},
};
