//! The report, as text tables and as JSON.

use std::{fmt, time::Duration};

use serde_json::{Value, json};
use studio::bench::Target;

use super::{
    Answered, FIRST_ANSWERS, Measured, Operation, Reference, STARTS, Scale, Searches, Spread,
};

/// What stands in place of a number that this machine does not give.
const NOT_PERMITTED: &str = "not permitted here";

/// All measurements.
#[derive(Debug, Clone)]
pub struct Report {
    /// Pictures: the promise and the median time.
    pub studio: Vec<(Target, Duration)>,
    /// Search indexes of many listings.
    pub searches: Vec<Searches>,
    /// Functions.
    pub functions: Vec<Measured>,
    /// The same endpoints in Python.
    pub reference: Reference,
    /// Table operations.
    pub operations: Vec<Operation>,
    /// Table operations with more and more items.
    pub scales: Vec<Scale>,
}

/// A number of the reference, and how many times ours it is.
struct Beside {
    what: String,
    ours: f64,
    theirs: f64,
    unit: &'static str,
}

impl Report {
    /// The report as JSON: milliseconds, bytes, requests and units. `null`: not permitted here.
    pub fn to_json(&self) -> Value {
        let studio = self.studio.iter().map(|(target, median)| {
            json!({
                "picture": target.label,
                "median_ms": millis(*median),
                "promised_ms": millis(target.at_most),
            })
        });
        let scales = self.scales.iter().map(|scale| {
            let operations: Vec<Value> = scale.operations.iter().map(operation).collect();
            json!({ "items": scale.items, "operations": operations })
        });
        json!({
            "studio": studio.collect::<Vec<_>>(),
            "searches": self.searches.iter().map(searches).collect::<Vec<_>>(),
            "functions": self.functions.iter().map(function).collect::<Vec<_>>(),
            "reference": self.reference_json(),
            "operations": self.operations.iter().map(operation).collect::<Vec<_>>(),
            "scales": scales.collect::<Vec<_>>(),
        })
    }

    fn reference_json(&self) -> Value {
        let endpoints = self.reference.endpoints.iter().map(|it| {
            json!({
                "route": it.route,
                "function": it.function,
                "warm_ms": spread(it.warm),
                "cpu_ms": it.cpu.map(micros_in_ms),
            })
        });
        let beside = self.beside().into_iter().map(|it| {
            json!({ "what": it.what, "unit": it.unit, "ours": it.ours, "reference": it.theirs,
                "times": it.times() })
        });
        json!({
            "start_ms": spread(self.reference.start),
            "peak_memory_kib": self.reference.peak_kib,
            "endpoints": endpoints.collect::<Vec<_>>(),
            "beside_ours": beside.collect::<Vec<_>>(),
        })
    }

    /// The reference beside the functions that answer the same: each endpoint's processor time, and
    /// memory and start of its one process beside the largest of ours. It has started when it has
    /// answered, a function when it asks for its first event.
    fn beside(&self) -> Vec<Beside> {
        let answers = |it: &&Measured| {
            self.reference.endpoints.iter().any(|endpoint| endpoint.function == it.name)
        };
        let ours: Vec<&Measured> = self.functions.iter().filter(answers).collect();
        let of_endpoint = |endpoint: &Answered| {
            let function = ours.iter().find(|it| it.name == endpoint.function)?;
            Some(Beside {
                what: format!("{}, processor time", endpoint.route),
                ours: micros_in_ms(function.cpu?),
                theirs: micros_in_ms(endpoint.cpu?),
                unit: "ms",
            })
        };
        let memory = || {
            Some(Beside {
                what: "peak memory".to_owned(),
                ours: mebibytes(ours.iter().filter_map(|it| it.peak_kib).max()?),
                theirs: mebibytes(self.reference.peak_kib?),
                unit: "MiB",
            })
        };
        let start = || {
            Some(Beside {
                what: "start, p50".to_owned(),
                ours: millis(ours.iter().map(|it| it.start.p50).max()?),
                theirs: millis(self.reference.start.p50),
                unit: "ms",
            })
        };
        let endpoints = self.reference.endpoints.iter().filter_map(of_endpoint);
        endpoints.chain(memory()).chain(start()).collect()
    }

    fn write_functions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        Ok(())
    }

    fn write_work(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["function", "share", "first p50", "p99", "CPU a request", "instructions"];
        let [name, share, p50, p99, cpu, count] = head;
        writeln!(f, "\n{name:<30}{share:>20}{p50:>11}{p99:>11}{cpu:>20}{count:>20}")?;
        for one in &self.functions {
            let share = match one.is_limited {
                true => format!("of {} MB", one.memory_mb),
                false => NOT_PERMITTED.to_owned(),
            };
            let (p50, p99) = (ms(one.first_answer.p50), ms(one.first_answer.p99));
            let or_not =
                |number: Option<String>| number.unwrap_or_else(|| NOT_PERMITTED.to_owned());
            let cpu = or_not(one.cpu.map(|cpu| format!("{:.3} ms", micros_in_ms(cpu))));
            let count = or_not(one.instructions.map(|count| count.to_string()));
            let name = one.name;
            writeln!(f, "{name:<30}{share:>20}{p50:>11}{p99:>11}{cpu:>20}{count:>20}")?;
        }
        Ok(())
    }

    fn write_reference(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs, times) = ("ours", "reference", "times");
        writeln!(f, "\n{:<40}{ours:>14}{theirs:>14}{times:>8}", "FastAPI and aioboto3")?;
        for it in self.beside() {
            let (ours, theirs) = (it.with_unit(it.ours), it.with_unit(it.theirs));
            writeln!(f, "{:<40}{ours:>14}{theirs:>14}{:>8.1}", it.what, it.times())?;
        }
        Ok(())
    }

    fn write_operations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<40}{:>7}{:>8}{:>7}", "operation", "trips", "writes", "reads")?;
        for operation in &self.operations {
            write_operation(f, operation)?;
        }
        for scale in &self.scales {
            let title = format!("with {} items of the member", scale.items);
            writeln!(f, "\n{title:<40}{:>7}{:>8}{:>7}", "trips", "writes", "reads")?;
            for operation in &scale.operations {
                write_operation(f, operation)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<40}{:>10}{:>10}", "picture", "median", "promised")?;
        for (target, median) in &self.studio {
            let (median, promised) = (ms(*median), ms(target.at_most));
            writeln!(f, "{:<40}{median:>10}{promised:>10}", target.label)?;
        }
        for index in &self.searches {
            writeln!(f, "\nsearch of listings {}", index.listings)?;
            for (name, value) in &index.rows {
                writeln!(f, "{name:<40}{value:>10}")?;
            }
        }
        self.write_functions(f)?;
        self.write_work(f)?;
        self.write_reference(f)?;
        self.write_operations(f)?;
        writeln!(
            f,
            "\nstart: process to first request for an event, {STARTS} starts; warm: event to \
             response without the table's own\ntime; memory: the peak after all requests; trips, \
             writes, reads: requests to DynamoDB, units; first: process to\nfirst response with AWS \
             over TLS, {FIRST_ANSWERS} processes, each with the processor share of its memory from \
             its first event on, or\na whole processor where that is not permitted; instructions: \
             in user space. The reference starts\nwhen its first response is there."
        )
    }
}

impl Beside {
    fn times(&self) -> f64 {
        hundredths(self.theirs / self.ours)
    }

    fn with_unit(&self, number: f64) -> String {
        format!("{number:.2} {}", self.unit)
    }
}

fn function(one: &Measured) -> Value {
    let per_request = |sum: f64| sum / f64::from(one.requests);
    json!({
        "function": one.name,
        "binary_bytes": one.binary_bytes,
        "zip_bytes": one.zip_bytes,
        "memory_mb": one.memory_mb,
        "starts": STARTS,
        "start_ms": spread(one.start),
        "first_answers": FIRST_ANSWERS,
        "first_answer_ms": spread(one.first_answer),
        "first_answer_has_share_of_memory": one.is_limited,
        "requests": one.requests,
        "warm_ms": spread(one.warm),
        "peak_memory_kib": one.peak_kib,
        "per_request": {
            "cpu_ms": one.cpu.map(micros_in_ms),
            "instructions": one.instructions,
            "round_trips": per_request(f64::from(one.usage.round_trips())),
            "write_units": per_request(one.usage.write_units),
            "read_units": per_request(one.usage.read_units),
        },
    })
}

fn operation(operation: &Operation) -> Value {
    json!({
        "operation": operation.name,
        "round_trips": operation.usage.round_trips(),
        "write_units": operation.usage.write_units,
        "read_units": operation.usage.read_units,
        "requests": operation.usage.requests,
    })
}

fn searches(index: &Searches) -> Value {
    let rows = index.rows.iter().map(|(name, value)| (name.clone(), json!(value)));
    json!({ "listings": index.listings, "measured": Value::Object(rows.collect()) })
}

fn spread(spread: Spread) -> Value {
    json!({ "p50": millis(spread.p50), "p99": millis(spread.p99) })
}

fn write_operation(f: &mut fmt::Formatter<'_>, operation: &Operation) -> fmt::Result {
    let usage = &operation.usage;
    let (trips, writes, reads) = (usage.round_trips(), usage.write_units, usage.read_units);
    writeln!(f, "{:<40}{trips:>7}{writes:>8.1}{reads:>7.1}", operation.name)
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
    hundredths(duration.as_secs_f64() * 1_000.0)
}

/// Milliseconds with three decimals, for what takes less than one.
fn micros_in_ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn mebibytes(kib: u64) -> f64 {
    hundredths(kib as f64 / 1_024.0)
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
