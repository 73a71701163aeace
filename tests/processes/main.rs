//! The queue promises across processes.

fn main() {}
