//! Metrics as log lines in CloudWatch's Embedded Metric Format: no call, no client, no latency.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use domain::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of every metric.
const NAMESPACE: &str = "ProLight";
/// Most values of one metric in a line (a limit of the format).
const VALUES_MAX: usize = 100;

/// Metrics of one moment with the same dimensions, written as one line.
///
/// ```text
/// Metrics::at(task.now).dimension("Outcome", "succeeded").count("JobsEnded", 1).emit();
/// ```
#[derive(Debug, Clone)]
#[must_use = "metrics are written by `emit`"]
pub struct Metrics {
    at: Timestamp,
    dimensions: Vec<(&'static str, String)>,
    values: Vec<(&'static str, &'static str, Vec<u64>)>,
}

impl Metrics {
    /// No metrics yet, timestamped `at`.
    pub fn at(at: Timestamp) -> Metrics {
        Metrics { at, dimensions: Vec::new(), values: Vec::new() }
    }

    /// Splits the metrics by `name`. Keep the values few: each one is a billed metric.
    pub fn dimension(mut self, name: &'static str, value: impl Into<String>) -> Metrics {
        self.dimensions.push((name, value.into()));
        self
    }

    /// Adds a count.
    pub fn count(self, name: &'static str, count: u64) -> Metrics {
        self.add(name, "Count", vec![count])
    }

    /// Adds a duration in milliseconds.
    pub fn millis(self, name: &'static str, millis: u64) -> Metrics {
        self.add(name, "Milliseconds", vec![millis])
    }

    /// Adds several durations in milliseconds; those beyond a hundred are dropped.
    pub fn millis_each(self, name: &'static str, mut millis: Vec<u64>) -> Metrics {
        millis.truncate(VALUES_MAX);
        self.add(name, "Milliseconds", millis)
    }

    /// Writes the line, if there is anything in it. A failed write never fails the call.
    pub fn emit(self) {
        if let Some(line) = self.line() {
            let _unwritten = writeln!(std::io::stdout().lock(), "{line}");
        }
    }

    /// The line, if there is anything in it.
    pub fn line(&self) -> Option<String> {
        let metrics: Vec<Value> =
            self.values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
        if metrics.is_empty() {
            return None;
        }
        let dimensions: Vec<&str> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": self.at.as_millis(),
                "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics}
                ],
            }),
        );
        for (name, value) in &self.dimensions {
            line.insert((*name).to_owned(), json!(value));
        }
        for (name, _, values) in &self.values {
            let value = if let [one] = values.as_slice() { json!(one) } else { json!(values) };
            line.insert((*name).to_owned(), value);
        }
        Some(Value::Object(line).to_string())
    }

    fn add(mut self, name: &'static str, unit: &'static str, values: Vec<u64>) -> Metrics {
        if !values.is_empty() {
            self.values.push((name, unit, values));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn one_line_in_the_embedded_format() {
        let now = Timestamp::from_secs(1_795_000_000);
        let metrics = Metrics::at(now)
            .dimension("Outcome", "succeeded")
            .count("JobsEnded", 1)
            .millis("ProviderLatency", 812)
            .millis_each("QueueAge", vec![12, 40]);
        expect![[r#"{"JobsEnded":1,"Outcome":"succeeded","ProviderLatency":812,"QueueAge":[12,40],"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Outcome"]],"Metrics":[{"Name":"JobsEnded","Unit":"Count"},{"Name":"ProviderLatency","Unit":"Milliseconds"},{"Name":"QueueAge","Unit":"Milliseconds"}],"Namespace":"ProLight"}],"Timestamp":1795000000000}}"#]]
            .assert_eq(&metrics.line().unwrap());
    }

    #[test]
    fn nothing_measured_is_nothing_written() {
        let now = Timestamp::from_secs(0);
        assert_eq!(Metrics::at(now).millis_each("QueueAge", Vec::new()).line(), None);
    }
}
