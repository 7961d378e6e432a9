//! An account's balance and its transactions: charges less Stripe's fee, refunds, disputes,
//! transfers to connected accounts, and payouts to banks.
//!
//! Types: docs.stripe.com/reports/balance-transaction-types.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    clock::DAY_S,
    errors::Refused,
    json::{int, text},
    params::{CREATED, PAGE},
};

/// Stripe's fee for a charge: 2.9 % and 30 cents (stripe.com/pricing, US cards).
const FEE_PER_MILLE: i64 = 29;
const FEE_FIXED: i64 = 30;
/// Fee of a dispute, won or lost.
const DISPUTE_FEE: i64 = 1_500;
/// How long a charge's money is pending, unless the settings make it available immediately.
const PENDING_S: i64 = 2 * DAY_S;

/// The type of the balance transaction of a top-up.
pub const TOP_UP: &str = "topup";

/// Type of a balance transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Movement {
    Charge,
    Refund,
    RefundFailure,
    Dispute,
    DisputeReversal,
    /// From the platform to a connected account.
    Transfer,
    /// Reversal of a transfer, on the platform's balance.
    TransferRefund,
    /// A transfer received by a connected account.
    Payment,
    /// Reversal of a received transfer.
    PaymentRefund,
    /// Payout to a bank.
    Payout,
    /// Failed payout, returned by the bank.
    PayoutFailure,
    /// From the operator's bank to the platform.
    TopUp,
}

impl Movement {
    /// `type`, `reporting_category` and the fee of an amount.
    fn terms(self, amount: i64) -> (&'static str, &'static str, i64) {
        match self {
            Movement::Charge => {
                ("charge", "charge", (amount * FEE_PER_MILLE + 500) / 1_000 + FEE_FIXED)
            }
            Movement::Refund => ("refund", "refund", 0),
            Movement::RefundFailure => ("refund_failure", "refund_failure", 0),
            Movement::Dispute => ("adjustment", "dispute", DISPUTE_FEE),
            Movement::DisputeReversal => ("adjustment", "dispute_reversal", 0),
            Movement::Transfer => ("transfer", "transfer", 0),
            Movement::TransferRefund => ("transfer_refund", "transfer_reversal", 0),
            Movement::Payment => ("payment", "charge", 0),
            Movement::PaymentRefund => ("payment_refund", "refund", 0),
            Movement::Payout => ("payout", "payout", 0),
            Movement::PayoutFailure => ("payout_failure", "payout_reversal", 0),
            Movement::TopUp => (TOP_UP, TOP_UP, 0),
        }
    }
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("balance", &[], get),
    Endpoint::get("balance_transactions", &[&["type", "source", "payout"], PAGE, CREATED], list),
    Endpoint::get("balance_transactions/{}", &[], get_transaction),
];

/// Adds a balance transaction; `amount` is negative for a debit. Returns its id.
pub(super) fn book(
    state: &mut AccountState,
    movement: Movement,
    amount: i64,
    currency: &str,
    source: &str,
) -> String {
    let waits = movement == Movement::Charge && !state.settings.funds_available_at_once;
    let available_on = if waits { state.now + PENDING_S } else { state.now };
    book_for(state, movement, (amount, currency), source, available_on)
}

/// Adds a balance transaction whose money is available from `available_on` on.
pub(super) fn book_for(
    state: &mut AccountState,
    movement: Movement,
    (amount, currency): (i64, &str),
    source: &str,
    available_on: i64,
) -> String {
    let waits = state.now < available_on;
    let (kind, category, fee) = movement.terms(amount);
    let fee_details = if fee == 0 {
        json!([])
    } else {
        json!([{
            "amount": fee, "application": null, "currency": currency,
            "description": "Stripe processing fees", "type": "stripe_fee",
        }])
    };
    let id = state.ids.next("txn_");
    let transaction = json!({
        "id": id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": state.now,
        "currency": currency,
        "description": null,
        "exchange_rate": null,
        "fee": fee,
        "fee_details": fee_details,
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": if waits { "pending" } else { "available" },
        "type": kind,
    });
    if waits {
        state.remind(available_on, &id);
    }
    state.objects.put(transaction)
}

/// Adds the operator's own money to the balance (docs.stripe.com/api/topups). Returns the id of the
/// top-up.
pub(super) fn top_up(state: &mut AccountState, cents: i64) -> String {
    let id = state.ids.next("tu_");
    let transaction = book(state, Movement::TopUp, cents, "usd", &id);
    state.objects.put(json!({
        "id": id,
        "object": "topup",
        "amount": cents,
        "balance_transaction": transaction,
        "created": state.now,
        "currency": "usd",
        "description": null,
        "expected_availability_date": state.now,
        "failure_code": null,
        "failure_message": null,
        "livemode": false,
        "metadata": {},
        "source": null,
        "statement_descriptor": null,
        "status": "succeeded",
        "transfer_group": null,
    }))
}

/// When a charge's money becomes available: after it is booked, which may be still to come.
pub(super) fn available_on(state: &AccountState, charge: &str) -> i64 {
    let transaction = state.text(charge, "/balance_transaction");
    let booked = state.objects.get(&transaction);
    booked.map_or(state.now + PENDING_S, |booked| int(booked, "/available_on"))
}

/// A balance, in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Balance {
    /// Usable now.
    pub available: i64,
    /// Available later.
    pub pending: i64,
}

/// The balance of the current account.
pub(super) fn now(state: &AccountState) -> Balance {
    let mut balance = Balance::default();
    for transaction in state.objects.all("balance_transaction") {
        let net = int(transaction, "/net");
        if int(transaction, "/available_on") <= state.now {
            balance.available += net;
        } else {
            balance.pending += net;
        }
    }
    balance
}

fn get(state: &mut AccountState, _call: &Call) -> Result<Value, Refused> {
    let Balance { available, pending } = now(state);
    let sum = |amount: i64| {
        let kinds = json!({ "card": amount });
        json!([{ "amount": amount, "currency": "usd", "source_types": kinds }])
    };
    Ok(json!({
        "object": "balance",
        "available": sum(available),
        "livemode": false,
        "pending": sum(pending),
    }))
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |transaction: &Value, name: &str| {
        call.text(name).is_none_or(|wanted| text(transaction, &format!("/{name}")) == wanted)
    };
    let page = "/v1/balance_transactions";
    let paid_in = |transaction: &Value| {
        let part_of = state.paid_in.get(text(transaction, "/id")).map(String::as_str);
        call.text("payout").is_none_or(|wanted| part_of == Some(wanted))
    };
    state.objects.page("balance_transaction", page, &call.params, |transaction| {
        same(transaction, "type") && same(transaction, "source") && paid_in(transaction)
    })
}

fn get_transaction(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("balance_transaction", call.id()).cloned()
}
