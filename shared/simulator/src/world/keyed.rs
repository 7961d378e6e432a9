//! A request under an `Idempotency-Key`.

use domain::Timestamp;
use serde_json::Value;
use testing::Actor;

/// A request that can be sent again.
#[derive(Clone)]
pub(crate) struct Keyed {
    pub(crate) by: Actor,
    pub(crate) path: String,
    pub(super) body: Value,
    pub(super) key: String,
    pub(super) at: Timestamp,
    /// What a success answered: the id of what was made, or, of staff, everything.
    pub(crate) said: Option<Value>,
}
