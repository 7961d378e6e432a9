//! What was reported to the metrics about a payment so far, so that a change is reported once.

use serde::{Deserialize, Serialize};

use super::{Fact, FactKind, Source};
use crate::time::Timestamp;

/// The reportable amounts of a payment, in cents, tax excluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentSums {
    /// The amount paid, after discounts.
    pub sold: i64,
    /// The amount taken back.
    pub returned: i64,
    /// Stripe's fees, as far as known.
    pub fees: i64,
    /// Number of failed attempts.
    pub declined: u32,
}

/// What was reported of a payment. Stored with the payment, in the same write as the facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reported {
    #[serde(flatten)]
    said: PaymentSums,
    times: u32,
}

impl Reported {
    /// Whether nothing was reported.
    pub fn is_nothing(&self) -> bool {
        *self == Reported::default()
    }

    /// Reports the changes since the last report of the payment `name`.
    pub(crate) fn state(
        &mut self,
        name: &str,
        source: Source,
        sums: PaymentSums,
        now: Timestamp,
    ) -> Vec<Fact> {
        let before = std::mem::replace(&mut self.said, sums);
        let amount = sums.sold - before.sold;
        let sold = (amount != 0).then_some(("sold", FactKind::Sold { source, amount }));
        let amount = sums.returned - before.returned;
        let returned = (amount != 0).then_some(("returned", FactKind::Returned { source, amount }));
        let amount = sums.fees - before.fees;
        let fees = (amount != 0).then_some(("fees", FactKind::Kept { source, amount }));
        let times = sums.declined.saturating_sub(before.declined);
        self.said.declined = sums.declined.max(before.declined);
        let declined = (times != 0).then_some(("declined", FactKind::Declined { source, times }));
        let news: Vec<_> = [sold, returned, fees, declined].into_iter().flatten().collect();
        if news.is_empty() {
            return Vec::new();
        }
        self.times += 1;
        let nth = self.times;
        let fact = |(what, kind)| Fact::new(format!("{what}:{name}:{nth}"), now, kind);
        news.into_iter().map(fact).collect()
    }
}
