//! Consistency checks: functions and the template, their events, their callers, and the
//! dependencies between crates.
//!
//! The functions' own constants are the reference: a route, a variable or a dependency that is
//! missing or different elsewhere fails here.
#![expect(clippy::unwrap_used, reason = "a missing value should fail the test")]

mod arrows;
mod callers;
mod circles;
mod events;
mod gateway;
mod marketplace_data;
mod populated;
mod scopes;
mod shapes;
mod sources;
mod template;

use std::path::{Path, PathBuf};

use runtime::{Endpoint, Function};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The text of a file of the workspace.
fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The functions of every crate.
const CRATES: [fn() -> Vec<Function>; 7] = [
    generation::functions,
    account::functions,
    billing::functions,
    marketplace::functions,
    admin::functions,
    edge::functions,
    background::functions,
];

/// Every function of the system.
fn functions() -> Vec<Function> {
    CRATES.iter().flat_map(|functions| functions()).collect()
}

/// Every endpoint of the system.
fn endpoints() -> Vec<Endpoint> {
    testing::endpoints(functions())
}

/// The crate and module of a function: `generation-get-generation` is
/// `generation::get_generation`.
fn place(name: &str) -> (&str, String) {
    let (package, module) = name.split_once('-').unwrap();
    (package, module.replace('-', "_"))
}
