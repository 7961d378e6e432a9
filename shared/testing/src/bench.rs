//! Benchmarks of everything promised in numbers: pictures, searches, functions, the cost of
//! operations, and the same endpoints in Python beside ours.
//!
//! The functions are the deployed binaries. They run against this process: a loop that implements
//! Lambda's Runtime API ([`runtime_api`]) and AWS behind a socket ([`dynamodb`]), both on loopback,
//! so that the function is measured and not an emulator. The issuer and Stripe are the sandbox.

mod dynamodb;
mod error;
mod function;
mod given;
mod market;
mod metrics;
mod operations;
mod places;
mod process;
mod reference;
mod report;
mod runtime_api;
mod scale;
mod search;
mod tls;
mod work;

use sandbox::{Config, Sandbox};

pub use error::BenchFailed;
pub use function::{FIRST_ANSWERS, Measured, STARTS, Spread};
pub use operations::Operation;
pub use places::Places;
pub use reference::{Answered, Reference};
pub use report::Report;
pub use scale::Scale;
pub use search::Searches;

/// Number of pictures of each kind.
const PICTURES: usize = 5;

/// Measures everything. `progress` is called before each step.
///
/// # Errors
/// If a process cannot run or answers wrongly: its numbers would be worthless.
pub async fn run(places: &Places, progress: impl Fn(&str)) -> Result<Report, BenchFailed> {
    progress(&format!("{PICTURES} pictures of each kind"));
    let studio = studio::bench::measure(PICTURES);
    progress("the search index");
    let searches = search::measure(&places.binaries)?;
    let sandbox = Sandbox::start(Config::default()).await.expect("a sandbox on loopback");
    let mut functions = Vec::new();
    for name in work::NAMES {
        progress(&format!("{name}: {STARTS} starts, then its requests"));
        functions.push(function::measure(name, places, &sandbox).await?);
    }
    progress("the reference");
    let reference = reference::measure(places).await?;
    progress("operations of the table");
    let operations = operations::measure().await?;
    progress("operations with more and more items");
    let scales = scale::measure().await?;
    Ok(Report { studio, searches, functions, reference, operations, scales })
}
