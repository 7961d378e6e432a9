//! Outgoing webhooks, by Standard Webhooks (<https://www.standardwebhooks.com>).
//!
//! * [`event`]: what a member can be told, with the type of each payload;
//! * [`announcement`]: which committed change states which event, under which id;
//! * [`endpoint`]: a member's webhooks: URL, wanted events, secrets, and when one is disabled;
//! * [`delivery`]: one event on its way to one webhook: states, retries, and the log.
//!
//! What a receiver may rely on:
//!
//! * An event is delivered at least once, always with the same `webhook-id` and the same body.
//! * A webhook gets one request at a time. Events of a member are first sent in the order in which
//!   they happened; a retry may arrive after later events, so a receiver compares `timestamp`.
//! * A slow or failing webhook delays its own events only.

pub mod announcement;
pub mod delivery;
pub mod endpoint;
pub mod event;
#[cfg(test)]
mod tests;
