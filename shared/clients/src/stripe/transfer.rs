//! Transfers to creators' accounts, and their reversals
//! (<https://docs.stripe.com/connect/separate-charges-and-transfers>).
//!
//! A transfer is made once per payout: its metadata names the payout, which finds it whichever key
//! it was made under. A reversal carries its name in its metadata, for the same reason. For a day
//! Stripe replays its response to a key, failures included: before using another key, look up what
//! was done.
//!
//! All payments for a creator's listings and all transfers to the creator are in one transfer
//! group, the creator's public id. It is derived from the member alone, so the transfers are found
//! even if the table was restored to a time before their payouts existed.

use std::fmt;

use connect::{Aws, Connect, Environment, InitError};
use domain::{
    Timestamp,
    billing::external::{ChargeId, ConnectedAccountId, ReceivedId, ReversalId, TransferId},
    id::{CreatorId, PayoutId, UserId},
    money::{Currency, Money},
    time::DAY,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_types::RangeQueryTs;

use super::{
    PAGE_SIZE, STRIPE_BASE_URL, Stripe, StripeError,
    rate::RequestRate,
    read::{self, KEY, List, Metadata, PAYOUT_ID},
    transport::Transport,
};
use crate::{
    http::Http,
    secrets::{self, StripeSecret},
};

const STRIPE_PAYOUTS_SECRET_ARN: &str = "STRIPE_PAYOUTS_SECRET_ARN";

/// Most pages of a creator's transfers that are read.
const PAGES_MAX: usize = 20;

/// A transfer to make for a payout.
#[derive(Debug, Clone, Copy)]
pub struct NewTransfer<'a> {
    /// The payout.
    pub payout: &'a PayoutId,
    /// The idempotency key.
    pub key: &'a str,
    /// The creator.
    pub user: &'a UserId,
    /// The creator's connected account.
    pub account: &'a ConnectedAccountId,
    /// The amount; positive.
    pub amount: Money,
    /// The charge that funds it: Stripe then transfers independently of the platform's balance, up
    /// to the charge's amount in total.
    pub source: Option<&'a ChargeId>,
}

/// A transfer in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Stripe's id.
    pub id: TransferId,
    /// The payout it was made for; `None` if it was made by hand.
    pub payout: Option<PayoutId>,
    /// The creator's connected account.
    pub account: ConnectedAccountId,
    /// The payment that the creator's account received.
    pub received: ReceivedId,
    /// The amount sent.
    pub amount: Money,
    /// The amount reversed, in minor units.
    pub reversed: i64,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A reversal of a transfer, or of a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// Stripe's id.
    pub id: ReversalId,
    /// The amount, in minor units.
    pub amount: i64,
    /// Its name, from the metadata we sent.
    pub name: Option<String>,
}

/// The platform's balance in US dollars, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceNow {
    /// Available for transfers.
    pub available: i64,
    /// Pending.
    pub pending: i64,
}

/// Transfers and reversals, under a separate API key: a function without this client cannot move
/// money to creators.
#[derive(Clone)]
pub struct Payouts {
    pub(super) transport: Transport,
}

impl fmt::Debug for Payouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payouts").finish_non_exhaustive()
    }
}

impl Connect for Payouts {
    fn variables() -> Vec<&'static str> {
        vec![STRIPE_BASE_URL, STRIPE_PAYOUTS_SECRET_ARN]
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<Payouts, InitError> {
        let arn = env.text(STRIPE_PAYOUTS_SECRET_ARN)?;
        let StripeSecret { api_key } = secrets::read(aws, arn, "the Stripe payouts secret").await?;
        let base = env.text(STRIPE_BASE_URL)?;
        let transport = Http::pooled_of(aws).and_then(|http| Transport::new(http, base, &api_key));
        let transport = transport.map_err(InitError::unusable(STRIPE_BASE_URL))?;
        Ok(Payouts { transport: transport.doubting(aws.secret_doubt()) })
    }
}

impl Payouts {
    /// The same client, which asks no more often than `rate`.
    #[must_use]
    pub fn at_rate(&self, rate: &RequestRate) -> Payouts {
        Payouts { transport: self.transport.clone().at_rate(rate) }
    }

    /// Transfers a payout to its creator's account, once under its key. A transfer of a charge's
    /// money is in the charge's transfer group, which is the creator's as well.
    ///
    /// # Errors
    /// See [`StripeError`]. `balance_insufficient` and `insufficient_capabilities_for_transfer` are
    /// refusals: nothing was sent. After [`StripeError::Unknown`] call [`Payouts::transfers_to`].
    pub async fn transfer(&self, new: &NewTransfer<'_>) -> Result<Transfer, StripeError> {
        #[serde_with::skip_serializing_none]
        #[derive(Serialize)]
        struct Form<'a> {
            amount: i64,
            currency: &'a str,
            destination: &'a str,
            source_transaction: Option<&'a str>,
            transfer_group: Option<CreatorId>,
            metadata: Metadata,
        }
        let payout = new.payout.as_str();
        let request = RequestBuilder::new(StripeMethod::Post, "/transfers").form(&Form {
            amount: new.amount.amount,
            currency: new.amount.currency.as_str(),
            destination: new.account.as_str(),
            source_transaction: new.source.map(ChargeId::as_str),
            transfer_group: new.source.is_none().then(|| CreatorId::of(new.user)),
            metadata: read::about(new.user, &[(PAYOUT_ID, payout)]),
        });
        let made: TransferAnswer =
            self.transport.json("transfer a payout", &request, Some(new.key)).await?;
        Ok(made.read())
    }

    /// Every transfer to a creator, to whichever account, that was made later than a day before
    /// `since`, because clocks differ by less; newest first.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn transfers_to(
        &self,
        creator: &UserId,
        since: Timestamp,
    ) -> Result<Vec<Transfer>, StripeError> {
        #[derive(Serialize)]
        struct Wanted {
            transfer_group: CreatorId,
            created: RangeQueryTs,
            limit: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            starting_after: Option<TransferId>,
        }
        let mut wanted = Wanted {
            transfer_group: CreatorId::of(creator),
            created: RangeQueryTs::gte(since.minus(DAY).as_secs()),
            limit: PAGE_SIZE,
            starting_after: None,
        };
        let mut transfers = Vec::new();
        for _ in 0..PAGES_MAX {
            let request = RequestBuilder::new(StripeMethod::Get, "/transfers").query(&wanted);
            let found: List<TransferAnswer> =
                self.transport.json("list transfers", &request, None).await?;
            wanted.starting_after = found.data.last().map(|last| last.id.clone());
            transfers.extend(found.data.into_iter().map(TransferAnswer::read));
            if !found.has_more {
                return Ok(transfers);
            }
        }
        Err(StripeError::unreached(format!("{creator} has more transfers than the page limit")))
    }

    /// A transfer in its current state.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn transfer_now(&self, id: &TransferId) -> Result<Transfer, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, format!("/transfers/{id}"));
        let found: TransferAnswer =
            self.transport.json("retrieve a transfer", &request, None).await?;
        Ok(found.read())
    }

    /// Reverses part of a transfer, in minor units, once under this key; `name` identifies the
    /// reversal.
    ///
    /// # Errors
    /// See [`StripeError`]. `balance_insufficient` is a refusal: the creator's balance is too low.
    /// After [`StripeError::Unknown`] look for the name in [`Payouts::reversals`].
    pub async fn reverse(
        &self,
        id: &TransferId,
        amount: i64,
        (name, key): (&str, &str),
    ) -> Result<ReversalId, StripeError> {
        let form = json!({ "amount": amount, "metadata": { KEY: name } });
        let path = format!("/transfers/{id}/reversals");
        let request = RequestBuilder::new(StripeMethod::Post, path).form(&form);
        let made: ReversalAnswer =
            self.transport.json("reverse a transfer", &request, Some(key)).await?;
        Ok(made.id)
    }

    /// All reversals of a transfer, newest first. One that is missed would be made again.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn reversals(&self, id: &TransferId) -> Result<Vec<Reversal>, StripeError> {
        #[serde_with::skip_serializing_none]
        #[derive(Serialize)]
        struct Wanted {
            limit: i64,
            starting_after: Option<ReversalId>,
        }
        let mut wanted = Wanted { limit: PAGE_SIZE, starting_after: None };
        let mut reversals: Vec<Reversal> = Vec::new();
        for _ in 0..PAGES_MAX {
            let path = format!("/transfers/{id}/reversals");
            let request = RequestBuilder::new(StripeMethod::Get, path).query(&wanted);
            let found: List<ReversalAnswer> =
                self.transport.json("list reversals", &request, None).await?;
            reversals.extend(found.data.into_iter().map(ReversalAnswer::read));
            if !found.has_more {
                return Ok(reversals);
            }
            wanted.starting_after = reversals.last().map(|last| last.id.clone());
        }
        Err(StripeError::unreached(format!("{id} has more reversals than the page limit")))
    }
}

impl Stripe {
    /// The platform's balance.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn balance(&self) -> Result<BalanceNow, StripeError> {
        // Read from: balance
        #[derive(Deserialize)]
        struct Found {
            available: Vec<Sum>,
            pending: Vec<Sum>,
        }
        #[derive(Deserialize)]
        struct Sum {
            amount: i64,
            currency: String,
        }
        let request = RequestBuilder::new(StripeMethod::Get, "/balance");
        let found: Found = self.transport.json("retrieve the balance", &request, None).await?;
        let dollars = |sums: &[Sum]| {
            sums.iter().filter(|sum| sum.currency == "usd").map(|sum| sum.amount).sum()
        };
        Ok(BalanceNow { available: dollars(&found.available), pending: dollars(&found.pending) })
    }
}

/// <https://docs.stripe.com/api/transfers/object>
// Read from: transfer
#[derive(Deserialize)]
struct TransferAnswer {
    id: TransferId,
    destination: ConnectedAccountId,
    destination_payment: ReceivedId,
    amount: i64,
    amount_reversed: i64,
    currency: Currency,
    created: i64,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl TransferAnswer {
    fn read(self) -> Transfer {
        let payout = self.metadata.as_ref().and_then(|it| it.get(PAYOUT_ID));
        Transfer {
            payout: payout.and_then(|id| PayoutId::parse(id).ok()),
            id: self.id,
            account: self.destination,
            received: self.destination_payment,
            amount: Money { amount: self.amount, currency: self.currency },
            reversed: self.amount_reversed,
            created_at: Timestamp::from_secs(self.created),
        }
    }
}

/// <https://docs.stripe.com/api/transfer_reversals/object>
// Read from: transfer_reversal
#[derive(Deserialize)]
struct ReversalAnswer {
    id: ReversalId,
    amount: i64,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl ReversalAnswer {
    fn read(self) -> Reversal {
        let name = self.metadata.and_then(|mut metadata| metadata.remove(KEY));
        Reversal { id: self.id, amount: self.amount, name }
    }
}
