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
mod market;
mod scene;
mod shapes;
mod sources;
mod template;

use std::path::{Path, PathBuf};

use runtime::Function;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The text of a file of the workspace.
fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every function of the system.
fn functions() -> Vec<Function> {
    let crates = [
        generation::FUNCTIONS,
        account::FUNCTIONS,
        billing::FUNCTIONS,
        marketplace::FUNCTIONS,
        admin::FUNCTIONS,
        edge::FUNCTIONS,
        background::FUNCTIONS,
    ];
    crates.concat()
}

/// The crate and module of a function: `generation-get-generation` is `generation::get_generation`.
/// `generation::get_generation`.
fn place(name: &str) -> (&str, String) {
    let (package, module) = name.split_once('-').unwrap();
    (package, module.replace('-', "_"))
}
