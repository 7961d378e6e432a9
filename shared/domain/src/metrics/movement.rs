//! What a customer's subscription is worth a month, and how that moves.

use serde::{Deserialize, Serialize};

use crate::{plan::Plan, time::Timestamp};

/// What a subscription is worth a month, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MrrState {
    /// Its plan; Free where nothing counts.
    pub plan: Plan,
    /// MRR.
    pub mrr: i64,
    /// What of it does not end with its period.
    pub committed: i64,
}

/// How MRR moves. The five sum to the difference between two points in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// A customer who never had any.
    New,
    /// One who had some before.
    Reactivation,
    /// More than before.
    Expansion,
    /// Less than before.
    Contraction,
    /// None any more.
    Churned,
    /// As much as before: only the plan, or what is committed, is another.
    Kept,
}

/// What one customer's subscription came to be worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// How it moved.
    pub kind: MovementKind,
    /// What it was worth.
    pub before: MrrState,
    /// What it is.
    pub after: MrrState,
}

/// What was stated of a customer so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurring {
    /// What their subscription is worth, as it was stated last.
    pub worth: MrrState,
    /// When that began.
    pub since: Timestamp,
    /// When it ends unless somebody pays: the grace of what is past due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ends_at: Option<Timestamp>,
}

impl MrrState {
    /// Nothing counts.
    pub const NONE: MrrState = MrrState { plan: Plan::Free, mrr: 0, committed: 0 };

    /// How it moves from here; `None` if it does not. `had_before`: the customer was worth
    /// something at some time.
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
    /// Those that move MRR.
    pub const MOVING: [MovementKind; 5] = [
        MovementKind::New,
        MovementKind::Reactivation,
        MovementKind::Expansion,
        MovementKind::Contraction,
        MovementKind::Churned,
    ];

    /// As on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            MovementKind::New => "new",
            MovementKind::Reactivation => "reactivation",
            MovementKind::Expansion => "expansion",
            MovementKind::Contraction => "contraction",
            MovementKind::Churned => "churned",
            MovementKind::Kept => "kept",
        }
    }
}
