//! The account's balance and the transactions that make it: what was charged less Stripe's fee,
//! what was given back, what disputes took.

use serde_json::{Value, json};

use super::{
    api::{Call, Endpoint},
    books::Books,
    clock::DAY_S,
    errors::Refused,
    json::{int, text},
    params::{CREATED, PAGE},
};

/// What a charge costs: 2.9 % and 30 cents (stripe.com/pricing, US cards).
const FEE_PER_MILLE: i64 = 29;
const FEE_FIXED: i64 = 30;
/// What a dispute costs, won or lost.
const DISPUTE_FEE: i64 = 1_500;
/// How long a charge's money takes to be available.
const PENDING_S: i64 = 2 * DAY_S;

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Movement {
    Charge,
    Refund,
    RefundFailure,
    Dispute,
    DisputeReversal,
}

impl Movement {
    /// `type`, `reporting_category` and the fee for an amount.
    fn terms(self, amount: i64) -> (&'static str, &'static str, i64) {
        match self {
            Movement::Charge => {
                ("charge", "charge", (amount * FEE_PER_MILLE + 500) / 1_000 + FEE_FIXED)
            }
            Movement::Refund => ("refund", "refund", 0),
            Movement::RefundFailure => ("refund_failure", "refund_failure", 0),
            Movement::Dispute => ("adjustment", "dispute", DISPUTE_FEE),
            Movement::DisputeReversal => ("adjustment", "dispute_reversal", 0),
        }
    }
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("balance", &[], get),
    Endpoint::get("balance_transactions", &[&["type", "source"], PAGE, CREATED], list),
    Endpoint::get("balance_transactions/{}", &[], get_transaction),
];

/// Writes down that money moved; `amount` is negative when it left. Returns the transaction's id.
pub(super) fn book(
    books: &mut Books,
    movement: Movement,
    amount: i64,
    currency: &str,
    source: &str,
) -> String {
    let (kind, category, fee) = movement.terms(amount);
    let fee_details = if fee == 0 {
        json!([])
    } else {
        json!([{
            "amount": fee, "application": null, "currency": currency,
            "description": "Stripe processing fees", "type": "stripe_fee",
        }])
    };
    let transaction = json!({
        "id": books.ids.next("txn_"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": books.now + PENDING_S,
        "balance_type": "payments",
        "created": books.now,
        "currency": currency,
        "description": null,
        "exchange_rate": null,
        "fee": fee,
        "fee_details": fee_details,
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending",
        "type": kind,
    });
    books.shelf.put(transaction)
}

fn get(books: &mut Books, _call: &Call) -> Result<Value, Refused> {
    let mut sums = (0, 0);
    for transaction in books.shelf.all("balance_transaction") {
        let net = int(transaction, "/net");
        if int(transaction, "/available_on") <= books.now {
            sums.0 += net;
        } else {
            sums.1 += net;
        }
    }
    let sum = |amount: i64| {
        let kinds = json!({ "card": amount });
        json!([{ "amount": amount, "currency": "usd", "source_types": kinds }])
    };
    Ok(json!({
        "object": "balance", "available": sum(sums.0), "livemode": false, "pending": sum(sums.1),
    }))
}

fn list(books: &mut Books, call: &Call) -> Result<Value, Refused> {
    let same = |transaction: &Value, name: &str| {
        call.text(name).is_none_or(|wanted| text(transaction, &format!("/{name}")) == wanted)
    };
    let page = "/v1/balance_transactions";
    books.shelf.page("balance_transaction", page, &call.params, |transaction| {
        same(transaction, "type") && same(transaction, "source")
    })
}

fn get_transaction(books: &mut Books, call: &Call) -> Result<Value, Refused> {
    books.shelf.find("balance_transaction", call.id()).cloned()
}
