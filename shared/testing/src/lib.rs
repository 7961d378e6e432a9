//! Shared test setup: real components in this process, and actors that use them.
//!
//! Never linked into a deployed function.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a broken test setup should stop the test"
)]

pub mod app;
pub mod aws;
#[cfg(feature = "bench")]
pub mod bench;
mod cdn;
mod client;
pub mod cloud;
pub mod contract;
pub mod engine;
pub mod grants;
pub mod listings;
mod objects;
pub mod queue;
mod record;
mod request;
pub mod valid;
mod wire;

/// A test allocates for every part of the system at once: clients, engine, sandbox and functions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use runtime::{Endpoint, Function, Trigger};

pub use app::{TestApp, at_once};
pub use cdn::ImagesCdn;
pub use client::{Client, ClientRequest};
pub use demo::{api::BROWSER, files};
pub use engine::{Engine, Fault, Usage};
pub use request::{Actor, Answer, SOURCE_IP, TestRequest};

/// The endpoints among functions.
pub fn endpoints(functions: Vec<Function>) -> Vec<Endpoint> {
    let endpoint = |function: Function| match function.trigger {
        Trigger::Route(endpoint) => Some(endpoint),
        Trigger::Queue(_) | Trigger::Stream(_) | Trigger::Schedule(_) | Trigger::Token(_) => None,
    };
    functions.into_iter().filter_map(endpoint).collect()
}
