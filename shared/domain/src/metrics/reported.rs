//! What was stated of one payment so far, so that what changes is stated once.

use serde::{Deserialize, Serialize};

use super::{Fact, FactKind, Source};
use crate::time::Timestamp;

/// What there is to state of a payment, in cents, tax excluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentSums {
    /// What was paid, discounts taken off.
    pub sold: i64,
    /// What of it went back.
    pub returned: i64,
    /// What Stripe kept, as far as that is known.
    pub fees: i64,
    /// How often it failed.
    pub declined: u32,
}

/// What was stated of it. Kept where the payment is kept, and written with the facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reported {
    #[serde(flatten)]
    said: PaymentSums,
    times: u32,
}

impl Reported {
    /// Whether nothing was stated.
    pub fn is_nothing(&self) -> bool {
        *self == Reported::default()
    }

    /// States what differs from before, of the payment called `name`.
    pub(crate) fn state(
        &mut self,
        name: &str,
        source: Source,
        sums: PaymentSums,
        now: Timestamp,
    ) -> Vec<Fact> {
        let said = std::mem::replace(&mut self.said, sums);
        let amount = sums.sold - said.sold;
        let sold = (amount != 0).then_some(("sold", FactKind::Sold { source, amount }));
        let amount = sums.returned - said.returned;
        let returned = (amount != 0).then_some(("returned", FactKind::Returned { source, amount }));
        let amount = sums.fees - said.fees;
        let kept = (amount != 0).then_some(("fees", FactKind::Kept { source, amount }));
        let times = sums.declined.saturating_sub(said.declined);
        self.said.declined = sums.declined.max(said.declined);
        let declined = (times != 0).then_some(("declined", FactKind::Declined { source, times }));
        let news: Vec<_> = [sold, returned, kept, declined].into_iter().flatten().collect();
        if news.is_empty() {
            return Vec::new();
        }
        self.times += 1;
        let nth = self.times;
        let fact = |(what, happened)| Fact::new(format!("{what}:{name}:{nth}"), now, happened);
        news.into_iter().map(fact).collect()
    }
}
