//! The API's document (OpenAPI 3.1), made from the code.
//!
//! Types give the schemas ([`runtime::contract`]), endpoints give routes and rules, the header of an
//! endpoint's file gives its description ([`source`]), and the error types give every code with its
//! meaning ([`problem`]). The events of webhooks are those of `domain` ([`webhooks`]). Examples were
//! recorded from tests ([`example`]). `cargo run -p contract` writes `shared/contract/openapi.json`; a test fails
//! while that file is stale. Never part of a deployed function.

pub mod document;
pub mod example;
pub mod operation;
pub mod problem;
pub mod prose;
pub mod schema;
pub mod source;
pub mod webhooks;

use std::path::{Path, PathBuf};

use runtime::Function;

/// The functions of all crates with endpoints.
pub fn functions() -> Vec<Function> {
    let crates = [
        account::functions,
        admin::functions,
        billing::functions,
        edge::functions,
        generation::functions,
        marketplace::functions,
    ];
    crates.iter().flat_map(|functions| functions()).collect()
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The committed document.
pub fn path() -> PathBuf {
    root().join("shared/contract/openapi.json")
}

#[cfg(test)]
mod tests;
