//! Benchmarks of everything promised in numbers: pictures, functions, and the cost of operations.
//!
//! The functions are the deployed binaries. They run against this process: a loop that implements
//! Lambda's Runtime API ([`runtime_api`]) and a table behind a socket ([`dynamodb`]), both on
//! loopback, so that the function is measured and not an emulator.

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

/// Number of pictures of each kind.
const PICTURES: usize = 5;

/// Why the benchmark failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchFailed {
    /// A file or socket operation failed.
    #[error("{what}: {source}")]
    Io {
        /// The operation.
        what: String,
        /// Its error.
        source: io::Error,
    },
    /// A table operation failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A function failed or answered wrongly.
    #[error("{name}: {what}; its log is in {log}")]
    Function {
        /// The binary.
        name: &'static str,
        /// What happened.
        what: String,
        /// The path of its log.
        log: String,
    },
}

impl BenchFailed {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> BenchFailed {
        let what = what.into();
        move |source| BenchFailed::Io { what, source }
    }
}

/// Measures everything. `binaries` is the folder with the compiled functions, `logs` the folder for
/// their logs; `progress` is called before each step.
///
/// # Errors
/// If a function cannot run or answers wrongly: numbers of a broken function are worthless.
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

/// Milliseconds with two decimals.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
