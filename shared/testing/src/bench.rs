//! What is promised in numbers, measured: pictures, functions, and what an operation costs.
//!
//! The functions are the very binaries that are deployed. They run against this process: a loop
//! that speaks Lambda's Runtime API ([`runtime_api`]) and a table behind a socket ([`dynamodb`]),
//! both on loopback, so that what is measured is the function and not an emulator.

mod dynamodb;
mod function;
mod market;
mod metrics;
mod operations;
mod report;
mod runtime_api;

use std::{io, path::Path, time::Duration};

use store::StoreError;

pub use function::{Measured, STARTS, Spread};
pub use operations::Operation;
pub use report::Report;

/// Pictures of each kind.
const PICTURES: usize = 5;

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
pub enum BenchFailed {
    /// A file or a socket.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A function did not do what it should.
    #[error("{name}: {what}; its log is in {log}")]
    Function {
        /// The binary.
        name: &'static str,
        /// What it did.
        what: String,
        /// Where it says why.
        log: String,
    },
}

impl BenchFailed {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> BenchFailed {
        let what = what.into();
        move |source| BenchFailed::Io { what, source }
    }
}

/// Measures everything. `binaries` is the folder with the compiled functions, `logs` takes what
/// they write; `progress` is told what is being done.
///
/// # Errors
/// When a function cannot be run or answers wrongly: numbers of something broken are worth nothing.
pub async fn run(
    binaries: &Path,
    logs: &Path,
    progress: impl Fn(&str),
) -> Result<Report, BenchFailed> {
    progress(&format!("{PICTURES} pictures of each kind"));
    let studio = studio::bench::measure(PICTURES);
    let mut functions = Vec::new();
    for name in function::NAMES {
        progress(&format!("{name}: {STARTS} starts, then its requests"));
        functions.push(function::measure(name, binaries, logs).await?);
    }
    progress("operations of the table");
    let operations = operations::measure().await?;
    Ok(Report { studio, functions, operations })
}

/// Milliseconds, to a hundredth.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
