//! Refunds: through the API or the dashboard; some fail later.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    balance::{self, Movement},
    errors::Refused,
    json::{flag, int, metadata, set, text},
    params::{CREATED, PAGE, Rules},
    payments::named_charge,
};

const CREATE: Rules = &[
    "payment_intent",
    "charge",
    "amount: int",
    "reason: duplicate|fraudulent|requested_by_customer",
    "metadata.*",
    "reverse_transfer: bool",
    "refund_application_fee: bool",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("refunds", &[CREATE], create),
    Endpoint::get("refunds", &[&["charge", "payment_intent"], PAGE, CREATED], list),
    Endpoint::get("refunds/{}", &[], get),
];

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let charge = named_charge(state, call.text("charge"), call.text("payment_intent"))?;
    let reason = call.text("reason");
    let id = give_back(state, &charge, call.int("amount"), reason, call.get("metadata"))?;
    Ok(state.object(&id))
}

/// Refunds a charge: `amount`, or all that is left. Returns the refund's id.
pub(super) fn give_back(
    state: &mut AccountState,
    charge: &Value,
    amount: Option<i64>,
    reason: Option<&str>,
    sent_metadata: Option<&Value>,
) -> Result<String, Refused> {
    let left = int(charge, "/amount") - int(charge, "/amount_refunded");
    let amount = amount.unwrap_or(left);
    check(state, charge, amount, left)?;
    let id = state.ids.next("re_");
    let currency = text(charge, "/currency");
    let transaction = balance::book(state, Movement::Refund, -amount, currency, &id);
    let refund = json!({
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": transaction,
        "charge": charge["id"],
        "created": state.now,
        "currency": currency,
        "destination_details": {
            "card": {
                "reference": null, "reference_status": "pending",
                "reference_type": "acquirer_reference_number", "type": "refund",
            },
            "type": "card",
        },
        "metadata": metadata(sent_metadata),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": "succeeded",
        "transfer_reversal": null,
    });
    state.objects.put(refund);
    state.change(text(charge, "/id"), "charge.refunded", |charge| {
        let refunded = int(charge, "/amount_refunded") + amount;
        charge["amount_refunded"] = refunded.into();
        charge["refunded"] = (refunded == int(charge, "/amount")).into();
    });
    state.tell("refund.created", &id);
    state.change(&id, "refund.updated", |refund| {
        set(refund, "/destination_details/card/reference_status", "available");
        set(refund, "/destination_details/card/reference", "7000000000000001");
    });
    state.tell("charge.refund.updated", &id);
    Ok(id)
}

fn check(state: &AccountState, charge: &Value, amount: i64, left: i64) -> Result<(), Refused> {
    let id = text(charge, "/id");
    let taken_back = state.objects.all("dispute").any(|dispute| {
        dispute["charge"] == charge["id"] && !flag(dispute, "/is_charge_refundable")
    });
    if text(charge, "/status") != "succeeded" {
        let message = format!("Charge {id} has not succeeded and cannot be refunded.");
        return Err(Refused::conflict("charge_not_refundable", message));
    }
    if taken_back {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(Refused::conflict("charge_disputed", message));
    }
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(Refused::conflict("charge_already_refunded", message));
    }
    if amount < 1 {
        let message = "Invalid positive integer";
        return Err(Refused::invalid("amount", message).coded("parameter_invalid_integer"));
    }
    if left < amount {
        let message = format!(
            "Refund amount (${}) is greater than unrefunded amount on charge (${})",
            dollars(amount),
            dollars(left),
        );
        return Err(Refused::invalid("amount", message));
    }
    Ok(())
}

/// Cents as dollars: `12.50`.
pub(super) fn dollars(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// Fails a refund: the customer's bank rejected it.
pub(super) fn fail(state: &mut AccountState, id: &str) -> Result<(), Refused> {
    let refund = state.objects.find("refund", id)?.clone();
    if text(&refund, "/status") != "succeeded" {
        return Err(Refused::conflict("refund_not_failable", "The refund has failed already."));
    }
    let amount = int(&refund, "/amount");
    let transaction =
        balance::book(state, Movement::RefundFailure, amount, text(&refund, "/currency"), id);
    state.edit(text(&refund, "/charge"), |charge| {
        charge["amount_refunded"] = (int(charge, "/amount_refunded") - amount).into();
        charge["refunded"] = false.into();
    });
    state.change(id, "refund.updated", |refund| {
        refund["status"] = "failed".into();
        refund["failure_reason"] = "lost_or_stolen_card".into();
        refund["failure_balance_transaction"] = transaction.into();
    });
    state.tell("refund.failed", id);
    state.tell("charge.refund.updated", id);
    Ok(())
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |refund: &Value, name: &str| {
        call.text(name).is_none_or(|wanted| text(refund, &format!("/{name}")) == wanted)
    };
    state.objects.page("refund", "/v1/refunds", &call.params, |refund| {
        same(refund, "charge") && same(refund, "payment_intent")
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("refund", call.id()).cloned()
}
