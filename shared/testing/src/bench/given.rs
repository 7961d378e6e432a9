//! What the benchmarks are given: the time, and a payment.

use domain::{
    Timestamp,
    billing::{
        external::PaymentId,
        payment::{Payment, PaymentState},
    },
    money::Money,
};
use runtime::InvocationContext;

/// The current time: the functions read the machine's clock.
pub(super) fn now() -> Timestamp {
    InvocationContext::system().now()
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
