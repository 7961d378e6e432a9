//! A creator as Stripe knows them: the account they are paid on.

use serde::{Deserialize, Serialize};

use crate::{billing::external::ConnectedAccountId, id::UserId, time::Timestamp};

/// A creator's account at Stripe, as it was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payee {
    /// OwnerRef.
    pub user_id: UserId,
    /// Which.
    pub account_id: ConnectedAccountId,
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// Whether it can be sent money, as Stripe says of the capability.
    pub ready: bool,
    /// Whether it was closed: nothing can be sent there any more.
    #[serde(default)]
    pub closed: bool,
    /// What Stripe still wants to know, in its words.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// When Stripe was asked.
    pub looked_at: Timestamp,
}

/// How far a creator has come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayeeState {
    /// There is no account.
    None,
    /// Stripe wants to know more.
    Incomplete,
    /// It can be sent money.
    Ready,
    /// It was closed.
    Closed,
}

impl PayeeState {
    /// Of a creator who may have none.
    pub fn of(payee: Option<&Payee>) -> PayeeState {
        match payee {
            None => PayeeState::None,
            Some(payee) if payee.closed => PayeeState::Closed,
            Some(payee) if payee.ready => PayeeState::Ready,
            Some(_) => PayeeState::Incomplete,
        }
    }
}
