//! `nutcracker.yml`: what is taken, what is refused and why, and what nutcracker says to it.

mod corpus;
mod differential;
mod hostile;
mod mutation;
mod values;
