//! A creator's connected account at Stripe.

use serde::{Deserialize, Serialize};

use crate::{billing::external::ConnectedAccountId, id::UserId, time::Timestamp};

/// A creator's connected account, as it was when Stripe was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// The creator.
    pub user_id: UserId,
    /// The connected account's id.
    pub account_id: ConnectedAccountId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// Whether it can receive transfers, according to the state of the capability.
    pub ready: bool,
    /// Whether it was closed: it can no longer receive transfers.
    #[serde(default)]
    pub closed: bool,
    /// Stripe's outstanding requirements, by Stripe's names.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// When Stripe was last asked.
    pub looked_at: Timestamp,
}

/// The onboarding state of a creator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PayeeState {
    /// There is no account.
    None,
    /// Stripe requires more information.
    Incomplete,
    /// It can receive transfers.
    Ready,
    /// It was closed.
    Closed,
}

impl PayeeState {
    /// The state of a creator who may have no account.
    pub fn of(payee: Option<&Payee>) -> PayeeState {
        match payee {
            None => PayeeState::None,
            Some(payee) if payee.closed => PayeeState::Closed,
            Some(payee) if payee.ready => PayeeState::Ready,
            Some(_) => PayeeState::Incomplete,
        }
    }
}
