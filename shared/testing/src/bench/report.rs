//! The report, as text tables and as JSON.

use std::{fmt, time::Duration};

use serde_json::{Value, json};
use studio::bench::Target;

use super::{Measured, Operation, STARTS, Spread};

/// All measurements.
#[derive(Debug, Clone)]
pub struct Report {
    /// Pictures: the promise and the median time.
    pub studio: Vec<(Target, Duration)>,
    /// Functions.
    pub functions: Vec<Measured>,
    /// Table operations.
    pub operations: Vec<Operation>,
}

impl Report {
    /// The report as JSON: milliseconds, bytes, requests and units.
    pub fn to_json(&self) -> Value {
        let spread =
            |spread: Spread| json!({ "p50": millis(spread.p50), "p99": millis(spread.p99) });
        let studio = self.studio.iter().map(|(target, median)| {
            json!({
                "picture": target.label,
                "median_ms": millis(*median),
                "promised_ms": millis(target.at_most),
            })
        });
        let functions = self.functions.iter().map(|measured| {
            let per_request = |sum: f64| sum / f64::from(measured.requests);
            json!({
                "function": measured.name,
                "binary_bytes": measured.binary_bytes,
                "zip_bytes": measured.zip_bytes,
                "starts": STARTS,
                "start_ms": spread(measured.start),
                "requests": measured.requests,
                "warm_ms": spread(measured.warm),
                "peak_memory_kib": measured.peak_kib,
                "per_request": {
                    "round_trips": per_request(f64::from(measured.usage.round_trips())),
                    "write_units": per_request(measured.usage.write_units),
                    "read_units": per_request(measured.usage.read_units),
                },
            })
        });
        let operations = self.operations.iter().map(|operation| {
            json!({
                "operation": operation.name,
                "round_trips": operation.usage.round_trips(),
                "write_units": operation.usage.write_units,
                "read_units": operation.usage.read_units,
                "requests": operation.usage.requests,
            })
        });
        json!({
            "studio": studio.collect::<Vec<_>>(),
            "functions": functions.collect::<Vec<_>>(),
            "operations": operations.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<40}{:>10}{:>10}", "picture", "median", "promised")?;
        for (target, median) in &self.studio {
            let (median, promised) = (ms(*median), ms(target.at_most));
            writeln!(f, "{:<40}{median:>10}{promised:>10}", target.label)?;
        }
        writeln!(
            f,
            "\n{:<30}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}{:>9}{:>7}{:>7}{:>7}",
            "function",
            "binary",
            "zip",
            "start p50",
            "p99",
            "warm p50",
            "p99",
            "memory",
            "trips",
            "writes",
            "reads"
        )?;
        for one in &self.functions {
            let per_request = |sum: f64| format!("{:.1}", sum / f64::from(one.requests));
            writeln!(
                f,
                "{:<30}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}{:>9}{:>7}{:>7}{:>7}",
                one.name,
                mb(one.binary_bytes),
                mb(one.zip_bytes),
                ms(one.start.p50),
                ms(one.start.p99),
                ms(one.warm.p50),
                ms(one.warm.p99),
                one.peak_kib.map_or("-".to_owned(), |kib| format!("{} MiB", kib.div_ceil(1_024))),
                per_request(f64::from(one.usage.round_trips())),
                per_request(one.usage.write_units),
                per_request(one.usage.read_units),
            )?;
        }
        writeln!(f, "\n{:<40}{:>7}{:>8}{:>7}", "operation", "trips", "writes", "reads")?;
        for operation in &self.operations {
            let usage = &operation.usage;
            let (writes, reads) = (usage.write_units, usage.read_units);
            let trips = usage.round_trips();
            writeln!(f, "{:<40}{trips:>7}{writes:>8.1}{reads:>7.1}", operation.name)?;
        }
        writeln!(
            f,
            "\nstart: process to first request for an event, {STARTS} starts; warm: event to \
             response without the table's own\ntime; memory: the peak after all requests; trips, \
             writes, reads: requests to DynamoDB, units."
        )
    }
}

fn ms(duration: Duration) -> String {
    let ms = millis(duration);
    if ms < 100.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

/// Megabytes of a million bytes, as downloads are usually stated.
fn mb(bytes: usize) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

/// Milliseconds with two decimals.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
