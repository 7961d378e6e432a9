//! The monthly value of a customer's subscription, and its movements.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::{plan::Plan, time::Timestamp};

/// The monthly value of a subscription, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MrrState {
    /// Its plan; Free if nothing counts.
    pub plan: Plan,
    /// MRR.
    pub mrr: i64,
    /// MRR unless the subscription cancels at the end of its period.
    pub committed: i64,
}

/// The kind of a movement of MRR. The first five sum to the difference between two points in time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum MovementKind {
    /// From zero, for a customer who never paid before.
    New,
    /// From zero, for a customer who paid before.
    Reactivation,
    /// More than before.
    Expansion,
    /// Less than before.
    Contraction,
    /// To zero.
    Churned,
    /// Unchanged MRR: only the plan or the committed MRR changed.
    Kept,
}

/// A change of the monthly value of one customer's subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Movement {
    /// The kind of change.
    pub kind: MovementKind,
    /// The value before.
    pub before: MrrState,
    /// The value after.
    pub after: MrrState,
}

/// What was last reported about a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurring {
    /// The monthly value of their subscription, as last reported.
    pub worth: MrrState,
    /// Since when it has this value.
    pub since: Timestamp,
    /// When it ends unless a payment succeeds: the end of the grace period of a past due
    /// subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ends_at: Option<Timestamp>,
}

impl MrrState {
    /// No recurring revenue.
    pub const NONE: MrrState = MrrState { plan: Plan::Free, mrr: 0, committed: 0 };

    /// The movement from this state to `after`; `None` if they are equal. `had_before` tells
    /// whether the customer ever had recurring revenue.
    pub fn moves_to(self, after: MrrState, had_before: bool) -> Option<Movement> {
        if self == after {
            return None;
        }
        let kind = match (self.mrr, after.mrr) {
            (before, after) if before == after => MovementKind::Kept,
            (0, _) if had_before => MovementKind::Reactivation,
            (0, _) => MovementKind::New,
            (_, 0) => MovementKind::Churned,
            (before, after) if before < after => MovementKind::Expansion,
            (_, _) => MovementKind::Contraction,
        };
        Some(Movement { kind, before: self, after })
    }
}

impl MovementKind {
    /// The kinds that change MRR.
    pub const MOVING: [MovementKind; 5] = [
        MovementKind::New,
        MovementKind::Reactivation,
        MovementKind::Expansion,
        MovementKind::Contraction,
        MovementKind::Churned,
    ];
}
