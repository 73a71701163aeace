#![doc = include_str!("../README.md")]

#[macro_use]
mod settings;

mod admin;
mod client;
mod error;
mod guard;
mod problem;
mod response;
mod router;
mod server;
mod service;

pub use self::{
    admin::{Admin, Exposition, Liveness, Sample},
    client::{Client, ClientLimits, Download, Upload, UploadPieces},
    error::{Error, Result},
    problem::Problem,
    response::{json, text},
    router::Router,
    server::{Limits, Listen, Peer, Served, Server},
    service::{Request, Response, ServiceFn, service_fn},
};
