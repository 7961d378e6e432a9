//! What the benchmarks are given: the time, a secret, an event, and a payment.

use domain::{
    Timestamp,
    billing::{
        external::PaymentId,
        payment::{Payment, PaymentState},
    },
    money::Money,
};
use runtime::InvocationContext;
use serde_json::Value;

use super::BenchFailed;

/// What Stripe signs its events with.
pub(super) const SIGNING_SECRET: &str = "whsec_bench";

/// The current time: the functions read the machine's clock.
pub(super) fn now() -> Timestamp {
    InvocationContext::system().now()
}

/// The event in `events/` of the function with this name.
pub(super) fn event(name: &str) -> Result<Value, BenchFailed> {
    let path = format!("events/{name}.json");
    let text = std::fs::read_to_string(&path).map_err(BenchFailed::io(path))?;
    Ok(serde_json::from_str(&text).expect("an event is JSON"))
}

/// A successful payment.
pub(super) fn succeeded(id: &str, amount: Money) -> Payment {
    Payment {
        id: PaymentId::parse(id).expect("an id"),
        charge: None,
        customer: None,
        user: None,
        order: None,
        purchase: None,
        fingerprint: None,
        state: PaymentState::Succeeded,
        amount,
        refunded: 0,
        withdrawn: 0,
        disputed: false,
        fees: 0,
    }
}
