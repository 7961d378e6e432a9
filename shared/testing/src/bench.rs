//! Benchmarks of everything promised in numbers: pictures, functions, and the cost of operations.
//!
//! The functions are the deployed binaries. They run against this process: a loop that implements
//! Lambda's Runtime API ([`runtime_api`]) and a table behind a socket ([`dynamodb`]), both on
//! loopback, so that the function is measured and not an emulator.

mod dynamodb;
mod error;
mod function;
mod given;
mod market;
mod metrics;
mod operations;
mod report;
mod runtime_api;

use std::path::Path;

pub use error::BenchFailed;
pub use function::{Measured, STARTS, Spread};
pub use operations::Operation;
pub use report::Report;

/// Number of pictures of each kind.
const PICTURES: usize = 5;

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
