//! Payouts of creators' accounts to their banks, and the transfers that each pays out.

use domain::billing::external::{BankPayoutId, ConnectedAccountId, ReceivedId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{
    PAGE_SIZE, Stripe, StripeError,
    read::{self, List},
};

/// Most pages of a bank payout's parts that are read.
const PAGES_MAX: usize = 20;
/// How many bank payouts of an account are listed: it makes one a day.
const BANK_PAYOUTS: i64 = 10;
/// How many times in a row a bank payout may fail and be included in the next one before its
/// transfers are no longer followed.
const FAILURES_MAX: usize = 8;

/// A payout of a creator's account to its bank, in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankPayout {
    /// Its state.
    pub state: BankPayoutState,
    /// The received payments of our transfers that it pays out, including those of earlier payouts
    /// that failed and were included in this one.
    pub received: Vec<ReceivedId>,
}

/// The state of a payout to a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankPayoutState {
    /// On its way.
    Pending,
    /// Arrived. It may still fail, for some days.
    Paid,
    /// Failed: the money is back in the creator's account.
    Failed {
        /// Stripe's code, such as `account_closed`; `canceled` where it was cancelled.
        code: String,
    },
}

impl Stripe {
    /// A payout of a creator's account to its bank, and the transfers it pays out.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn bank_payout(
        &self,
        account: &ConnectedAccountId,
        id: &BankPayoutId,
    ) -> Result<BankPayout, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, format!("/payouts/{id}"));
        let found: PayoutAnswer =
            self.transport.json_of("retrieve a bank payout", account, &request).await?;
        let received = self.received_in(account, id).await?;
        Ok(BankPayout { state: found.state(), received })
    }

    /// The latest payouts of a creator's account to its bank, newest first.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn bank_payouts(
        &self,
        account: &ConnectedAccountId,
    ) -> Result<Vec<BankPayoutId>, StripeError> {
        // Read from: payout
        #[derive(Deserialize)]
        struct Listed {
            id: BankPayoutId,
        }
        let request = RequestBuilder::new(StripeMethod::Get, "/payouts")
            .query(&json!({ "limit": BANK_PAYOUTS }));
        let found: List<Listed> =
            self.transport.json_of("list bank payouts", account, &request).await?;
        Ok(found.data.into_iter().map(|it| it.id).collect())
    }

    /// The contents of a payout. One that failed is included in the next.
    async fn received_in(
        &self,
        account: &ConnectedAccountId,
        id: &BankPayoutId,
    ) -> Result<Vec<ReceivedId>, StripeError> {
        let (mut received, mut payouts) = (Vec::new(), vec![id.as_str().to_owned()]);
        let mut looked = 0;
        while let Some(payout) = payouts.get(looked).cloned() {
            looked += 1;
            for part in self.parts_of(account, &payout).await? {
                let Some(source) = part.source else { continue };
                match part.kind.as_str() {
                    "payment" => received.push(read::id(ReceivedId::parse(&source))?),
                    "payout_failure" | "payout_cancel"
                        if payouts.len() <= FAILURES_MAX && !payouts.contains(&source) =>
                    {
                        payouts.push(source);
                    }
                    _ => {}
                }
            }
        }
        Ok(received)
    }

    async fn parts_of(
        &self,
        account: &ConnectedAccountId,
        payout: &str,
    ) -> Result<Vec<Part>, StripeError> {
        #[derive(Serialize)]
        struct Wanted<'a> {
            payout: &'a str,
            limit: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            starting_after: Option<String>,
        }
        let mut wanted = Wanted { payout, limit: PAGE_SIZE, starting_after: None };
        let mut parts = Vec::new();
        for _ in 0..PAGES_MAX {
            let request =
                RequestBuilder::new(StripeMethod::Get, "/balance_transactions").query(&wanted);
            let found: List<Part> =
                self.transport.json_of("list a bank payout", account, &request).await?;
            wanted.starting_after = found.data.last().map(|part| part.id.clone());
            parts.extend(found.data);
            if !found.has_more {
                return Ok(parts);
            }
        }
        Err(StripeError::unreached(format!("{payout} has more parts than the page limit")))
    }
}

/// <https://docs.stripe.com/api/payouts/object>
// Read from: payout
#[derive(Deserialize)]
struct PayoutAnswer {
    status: String,
    failure_code: Option<String>,
}

impl PayoutAnswer {
    fn state(self) -> BankPayoutState {
        match self.status.as_str() {
            "paid" => BankPayoutState::Paid,
            "failed" => {
                let code = self.failure_code.unwrap_or_else(|| "unknown".to_owned());
                BankPayoutState::Failed { code }
            }
            "canceled" => BankPayoutState::Failed { code: self.status },
            _ => BankPayoutState::Pending,
        }
    }
}

/// A balance transaction of a creator's account that a bank payout consists of.
// Read from: balance_transaction
#[derive(Deserialize)]
struct Part {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    /// The source object; some balance transactions have none.
    #[serde(default)]
    source: Option<String>,
}
