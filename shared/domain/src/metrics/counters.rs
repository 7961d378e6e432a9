//! Named sums over facts. The names are the attribute names in the table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Fact, FactKind, FinishedJob, LegMoved, Movement, MrrState, Source, WithinSpan,
    latency::bucket_of,
};

/// Prefix of counters that go up and down indefinitely; the sum over all days is the current level.
const LEVEL: &str = "level.";

/// Sums by name. Zeros are absent, so that equal sums compare equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counters(BTreeMap<String, i64>);

impl Counters {
    /// The sums of facts. Each fact must be given once.
    pub fn fold<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Counters {
        let mut sum = Counters::default();
        facts.into_iter().for_each(|fact| sum.count(fact));
        sum
    }

    /// Counters with these sums.
    pub fn of(sums: impl IntoIterator<Item = (String, i64)>) -> Counters {
        let mut counters = Counters::default();
        sums.into_iter().for_each(|(name, by)| counters.add(&name, by));
        counters
    }

    /// The sum of a name; zero if absent.
    pub fn get(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Whether all sums are zero.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All sums, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, sum)| (name.as_str(), *sum))
    }

    /// The level counters: their sum over all days is the current level.
    #[must_use]
    pub fn levels(&self) -> Counters {
        let levels = self.iter().filter(|(name, _)| name.starts_with(LEVEL));
        Counters(levels.map(|(name, sum)| (name.to_owned(), sum)).collect())
    }

    /// Adds other counters.
    pub fn merge(&mut self, other: &Counters) {
        other.iter().for_each(|(name, by)| self.add(name, by));
    }

    /// Subtracts other counters.
    pub fn take_off(&mut self, other: &Counters) {
        other.iter().for_each(|(name, by)| self.add(name, -by));
    }

    /// Counters with this prefix followed by a number, in the order of the numbers.
    pub(super) fn numbered(&self, prefix: &str) -> Vec<(u32, i64)> {
        let named = self.iter().filter_map(|(name, sum)| Some((name.strip_prefix(prefix)?, sum)));
        let mut found: Vec<(u32, i64)> =
            named.filter_map(|(rest, sum)| Some((rest.parse().ok()?, sum))).collect();
        found.sort_unstable();
        found
    }

    fn add(&mut self, name: &str, by: i64) {
        let sum = self.0.entry(name.to_owned()).or_insert(0);
        *sum += by;
        if *sum == 0 {
            self.0.remove(name);
        }
    }

    fn count(&mut self, fact: &Fact) {
        match &fact.what {
            FactKind::Moved(movement) => self.count_movement(movement),
            FactKind::Sold { source, amount } => {
                self.add(&of_source("sold", *source), *amount);
                self.add(&of_source("sales", *source), 1);
            }
            FactKind::Returned { source, amount } => {
                self.add(&of_source("returned", *source), *amount);
            }
            FactKind::Kept { source, amount } => self.add(&of_source("fees", *source), *amount),
            FactKind::Declined { source, times } => {
                self.add(&of_source("declined", *source), i64::from(*times));
            }
            FactKind::Market(leg) => self.count_leg(leg),
            FactKind::Finished(job) => self.count_job(job),
            FactKind::Joined => self.add("joined", 1),
            FactKind::Active { within } => self.add(active(*within), 1),
        }
    }

    fn count_movement(&mut self, Movement { kind, before, after }: &Movement) {
        for (MrrState { plan, mrr, committed }, sign) in [(before, -1), (after, 1)] {
            let plan = plan.into_str();
            if *mrr != 0 {
                self.add(&format!("{LEVEL}customers.{plan}"), sign);
            }
            self.add(&format!("{LEVEL}mrr.{plan}"), sign * mrr);
            self.add(&format!("{LEVEL}committed.{plan}"), sign * committed);
        }
        self.add(&format!("moved.{}", kind.into_str()), after.mrr - before.mrr);
        self.add(&format!("moves.{}", kind.into_str()), 1);
    }

    fn count_leg(&mut self, LegMoved { commission, share, of_sale, .. }: &LegMoved) {
        if *of_sale {
            self.add("market.sales", i64::from(*commission > 0));
            self.add("market.gross", commission + share);
            self.add("market.commission", *commission);
        } else {
            self.add("market.returned_gross", -(commission + share));
            self.add("market.returned_commission", -commission);
        }
    }

    fn count_job(&mut self, job: &FinishedJob) {
        let groups = [
            "jobs".to_owned(),
            format!("jobs.plan.{}", job.plan.into_str()),
            format!("jobs.provider.{}", job.provider.into_str()),
        ];
        for group in groups {
            self.add(&format!("{group}.{}", job.status.into_str()), 1);
            self.add(&format!("{group}.blocked"), i64::from(job.blocked));
            self.add(&format!("{group}.cost"), job.cost_micros);
        }
        let times = [("queue", job.queue_ms), ("run", job.run_ms)];
        for (name, ms) in times.into_iter().filter_map(|(name, ms)| Some((name, ms?))) {
            self.add(&format!("{name}.{}", bucket_of(ms)), 1);
        }
    }
}

pub(super) fn of_source(what: &str, source: Source) -> String {
    format!("{what}.{}", source.into_str())
}

pub(super) fn level(what: &str, plan: crate::plan::Plan) -> String {
    format!("{LEVEL}{what}.{}", plan.into_str())
}

pub(super) fn active(within: WithinSpan) -> &'static str {
    match within {
        WithinSpan::Day => "active.day",
        WithinSpan::Week => "active.week",
        WithinSpan::Month => "active.month",
    }
}
