//! Metrics as log lines in CloudWatch's Embedded Metric Format: no call, no client, no latency.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{io::Write, sync::OnceLock};

use connect::Clock;
use domain::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of every metric.
const NAMESPACE: &str = "ProLight";
/// The dimension that every metric has: the environments of an account have alarms of their own.
const STACK: &str = "Stack";
/// Most values of one metric in a line (a limit of the format).
const VALUES_MAX: usize = 100;

/// The stack of this process.
static STACK_NAME: OnceLock<String> = OnceLock::new();

/// Says which stack this process belongs to.
pub(crate) fn start(stack: &str) {
    let _already = STACK_NAME.set(stack.to_owned());
}

/// Metrics with the same dimensions, written as one line with the time of writing: an alarm looks
/// at the last minutes only, and a run may have begun before them.
///
/// ```text
/// Metrics::new().dimension("Outcome", "succeeded").count("JobsEnded", 1).emit();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "metrics are written by `emit`"]
pub struct Metrics {
    dimensions: Vec<(&'static str, String)>,
    values: Vec<(&'static str, &'static str, Vec<u64>)>,
}

impl Metrics {
    /// No metrics yet.
    pub fn new() -> Metrics {
        Metrics::default()
    }

    /// Splits the metrics by `name`; their sum over all its values is a metric, too. Keep the
    /// values few: each one is a billed metric.
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
        let stack = STACK_NAME.get().map(String::as_str);
        if let Some(line) = self.line(stack, Clock::System.now()) {
            let _unwritten = writeln!(std::io::stdout().lock(), "{line}");
        }
    }

    /// The line, if there is anything in it.
    fn line(&self, stack: Option<&str>, at: Timestamp) -> Option<String> {
        let metrics: Vec<Value> =
            self.values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
        if metrics.is_empty() {
            return None;
        }
        let total: Vec<&str> = stack.iter().map(|_| STACK).collect();
        let mut dimensions = vec![total.clone()];
        if !self.dimensions.is_empty() {
            let split = self.dimensions.iter().map(|(name, _)| *name);
            dimensions.push(total.into_iter().chain(split).collect());
        }
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": at.as_millis(),
                "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics}
                ],
            }),
        );
        line.extend(stack.map(|stack| (STACK.to_owned(), json!(stack))));
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

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    #[test]
    fn one_line_in_the_embedded_format() {
        let metrics = Metrics::new().count("StripeEventsParked", 1);
        expect![[r#"{"Stack":"prolight-dev","StripeEventsParked":1,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stack"]],"Metrics":[{"Name":"StripeEventsParked","Unit":"Count"}],"Namespace":"ProLight"}],"Timestamp":1795000000000}}"#]]
            .assert_eq(&metrics.line(Some("prolight-dev"), NOW).unwrap());
    }

    #[test]
    fn a_metric_that_is_split_is_also_counted_as_a_whole() {
        let metrics = Metrics::new()
            .dimension("Outcome", "succeeded")
            .count("JobsEnded", 1)
            .millis("ProviderLatency", 812)
            .millis_each("QueueAge", vec![12, 40]);
        expect![[r#"{"JobsEnded":1,"Outcome":"succeeded","ProviderLatency":812,"QueueAge":[12,40],"Stack":"prolight-dev","_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stack"],["Stack","Outcome"]],"Metrics":[{"Name":"JobsEnded","Unit":"Count"},{"Name":"ProviderLatency","Unit":"Milliseconds"},{"Name":"QueueAge","Unit":"Milliseconds"}],"Namespace":"ProLight"}],"Timestamp":1795000000000}}"#]]
            .assert_eq(&metrics.line(Some("prolight-dev"), NOW).unwrap());
    }

    #[test]
    fn nothing_measured_is_nothing_written() {
        let nothing = Metrics::new().millis_each("QueueAge", Vec::new());
        assert_eq!(nothing.line(Some("prolight-dev"), NOW), None);
    }
}
