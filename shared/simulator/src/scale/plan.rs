//! What is measured.

use std::time::Duration;

use serde_json::Value;

/// What is measured, with which load and at which pace.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The line of the table.
    pub line: Line,
    /// How many items there are: creators to pay, events, listings, facts of a day.
    pub items: u64,
    /// The time in which they came.
    pub within: Duration,
    /// The tallies in which views were written down.
    pub tallies: u64,
    /// The listings on which views fall.
    pub listings: u32,
    /// Of how many of them one is taken.
    pub one_in: u64,
    /// How many pieces of work the function does at a time, which share a request's time.
    pub at_once: u32,
    /// A request to the table, each item that a transaction writes, and a megabyte that is read.
    pub table: [Duration; 3],
    /// A request to Stripe.
    pub stripe: Duration,
    /// The time between two requests to Stripe at the rate of the function.
    pub stripe_every: Duration,
    /// The timeout of the function.
    pub timeout: Duration,
    /// The time between two starts.
    pub every: Duration,
}

/// A line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Creators to pay.
    Payouts,
    /// Events that webhooks delivered.
    Events,
    /// Subscriptions that are as we know them.
    Subscriptions,
    /// Views of listings, by Zipf's law.
    Views,
    /// Listings on sale without a view.
    Popular,
    /// Facts of a day.
    Revenue,
    /// Rewards that are due.
    Rewards,
    /// Listings of a creator who is suspended from selling.
    Sellers,
}

impl Line {
    const ALL: [(&str, Line); 8] = [
        ("payouts", Line::Payouts),
        ("events", Line::Events),
        ("subscriptions", Line::Subscriptions),
        ("views", Line::Views),
        ("popular", Line::Popular),
        ("revenue", Line::Revenue),
        ("rewards", Line::Rewards),
        ("sellers", Line::Sellers),
    ];

    fn parse(name: &str) -> Option<Line> {
        Line::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, line)| line)
    }

    /// The function that does the work.
    pub(super) fn function(self) -> &'static str {
        match self {
            Line::Payouts => "background-pay-creators",
            Line::Events | Line::Subscriptions => "background-reconcile-stripe",
            Line::Views | Line::Popular => "background-rank-popular",
            Line::Revenue => "background-report-revenue",
            Line::Rewards => "background-grant-rewards",
            Line::Sellers => "background-follow-sellers",
        }
    }

    /// Whether the function knows itself when the work of a day is done.
    pub(super) fn has_days(self) -> bool {
        matches!(self, Line::Payouts | Line::Events | Line::Subscriptions)
    }
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// The name of what is missing or wrong.
    pub fn parse(text: &str) -> Result<Plan, String> {
        let plan: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let count = |name: &str| plan[name].as_u64().ok_or_else(|| format!("{name} is no number"));
        let time = |name: &str| {
            let seconds = plan[name].as_f64();
            let seconds = seconds.ok_or_else(|| format!("{name} is no number of seconds"))?;
            Duration::try_from_secs_f64(seconds).map_err(|error| format!("{name}: {error}"))
        };
        let line = plan["line"].as_str().and_then(Line::parse);
        Ok(Plan {
            line: line.ok_or_else(|| format!("line is none of {:?}", Line::ALL.map(|it| it.0)))?,
            items: count("items")?,
            within: time("within_s")?,
            tallies: count("tallies")?,
            listings: u32::try_from(count("listings")?).unwrap_or(u32::MAX),
            one_in: count("one_in")?.max(1),
            at_once: u32::try_from(count("at_once")?).unwrap_or(u32::MAX).max(1),
            table: [time("trip_s")?, time("written_s")?, time("megabyte_s")?],
            stripe: time("stripe_s")?,
            stripe_every: time("stripe_every_s")?,
            timeout: time("timeout_s")?,
            every: time("every_s")?,
        })
    }
}
