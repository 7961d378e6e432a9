//! Transfers from the platform's balance to a connected account's, and their reversals.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    accounts,
    api::{Call, Endpoint},
    balance::{self, Movement},
    errors::Refused,
    json::{int, metadata, text},
    params::{CREATED, PAGE, Rules},
    refunds::dollars,
};

/// Most reversals embedded in a transfer; the others are listed.
const REVERSALS_SHOWN: usize = 10;

const CREATE: Rules = &[
    "amount!: int",
    "currency!",
    "destination!",
    "description",
    "metadata.*",
    "source_transaction",
    "transfer_group",
];
const REVERSE: Rules = &["amount: int", "description", "metadata.*"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("transfers", &[CREATE], create),
    Endpoint::get("transfers", &[&["transfer_group", "destination"], PAGE, CREATED], list),
    Endpoint::get("transfers/{}", &[], get),
    Endpoint::post("transfers/{}/reversals", &[REVERSE], reverse),
    Endpoint::get("transfers/{}/reversals", &[PAGE], list_reversals),
];

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let amount = call.int("amount").unwrap_or_default();
    let destination = call.text("destination").unwrap_or_default().to_owned();
    let currency =
        super::catalogue::currency(call.text("currency").unwrap_or_default(), "currency")?;
    check(state, amount, currency, &destination)?;
    let source = call.text("source_transaction");
    let (group, available_on) = match source {
        Some(charge) => {
            check_source(state, charge, amount)?;
            (Some(group_of(state, charge)), balance::available_on(state, charge))
        }
        None => {
            check_funds(state, amount)?;
            (call.text("transfer_group").map(str::to_owned), state.now)
        }
    };
    let id = state.ids.next("tr_");
    let sum = (-amount, currency);
    let transaction = balance::book_for(state, Movement::Transfer, sum, &id, available_on);
    let payment =
        state.within(&destination, |state| receive(state, &id, (amount, currency), available_on));
    let transfer = json!({
        "id": id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": transaction,
        "created": state.now,
        "currency": currency,
        "description": call.text("description"),
        "destination": destination,
        "destination_payment": payment,
        "livemode": false,
        "metadata": metadata(call.get("metadata")),
        "reversals": {
            "object": "list", "data": [], "has_more": false,
            "url": format!("/v1/transfers/{id}/reversals"),
        },
        "reversed": false,
        "source_transaction": source,
        "source_type": "card",
        "transfer_group": group,
    });
    state.add(transfer, "transfer.created");
    Ok(state.object(&id))
}

fn check(
    state: &AccountState,
    amount: i64,
    currency: &str,
    destination: &str,
) -> Result<(), Refused> {
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Refused::invalid("amount", message).coded("parameter_invalid_integer"));
    }
    if currency != "usd" {
        return Err(Refused::invalid("currency", "The sandbox transfers US dollars only."));
    }
    if accounts::known(state, destination).is_err() {
        return Err(Refused::no_such_param("destination", "destination", destination));
    }
    if !accounts::is_active(state, destination) {
        let message = "Your destination account needs to have at least one of the following \
                       capabilities enabled: transfers.";
        return Err(Refused::conflict("insufficient_capabilities_for_transfer", message));
    }
    Ok(())
}

fn check_funds(state: &AccountState, amount: i64) -> Result<(), Refused> {
    if balance::now(state).available < amount {
        let message = "You have insufficient available funds in your Stripe account. Try adding \
                       funds directly to your available balance.";
        return Err(Refused::conflict("balance_insufficient", message));
    }
    Ok(())
}

/// A transfer with a source charge ignores the balance, but all transfers of a charge, including
/// reversed ones, must not exceed the charge
/// (docs.stripe.com/connect/separate-charges-and-transfers#transfer-availability).
fn check_source(state: &AccountState, id: &str, amount: i64) -> Result<(), Refused> {
    let charge = state.objects.find_param("charge", id, "source_transaction")?;
    if text(charge, "/status") != "succeeded" {
        let message = "The source transaction of a transfer has to be a charge that succeeded.";
        return Err(Refused::invalid("source_transaction", message));
    }
    let earlier = state.objects.all("transfer");
    let earlier = earlier.filter(|transfer| text(transfer, "/source_transaction") == id);
    let (most, before) =
        (int(charge, "/amount"), earlier.map(|it| int(it, "/amount")).sum::<i64>());
    if most < before + amount {
        let message = format!(
            "Transfers using this transaction as a source must not exceed the source amount of \
             ${}. (There is already a transfer using this source, amounting to ${}.)",
            dollars(most),
            dollars(before),
        );
        return Err(Refused::invalid("amount", message).begun());
    }
    Ok(())
}

/// The transfer group of a charge and of every transfer from it.
fn group_of(state: &mut AccountState, charge: &str) -> String {
    let intent = state.text(charge, "/payment_intent");
    state.edit(charge, |charge| {
        if charge["transfer_group"].is_null() {
            charge["transfer_group"] = format!("group_{intent}").into();
        }
    });
    state.text(charge, "/transfer_group")
}

/// The payment that a connected account receives by a transfer. Returns its id.
fn receive(
    state: &mut AccountState,
    transfer: &str,
    (amount, currency): (i64, &str),
    available_on: i64,
) -> String {
    let id = state.ids.next("py_");
    let sum = (amount, currency);
    let transaction = balance::book_for(state, Movement::Payment, sum, &id, available_on);
    let payment = json!({
        "id": id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "balance_transaction": transaction,
        "captured": true,
        "created": state.now,
        "currency": currency,
        "customer": null,
        "disputed": false,
        "livemode": false,
        "metadata": {},
        "paid": true,
        "payment_intent": null,
        "refunded": false,
        "source_transfer": transfer,
        "status": "succeeded",
    });
    state.add(payment, "payment.created")
}

fn reverse(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let transfer = state.objects.find("transfer", call.id())?.clone();
    let left = int(&transfer, "/amount") - int(&transfer, "/amount_reversed");
    let amount = call.int("amount").unwrap_or(left);
    let account = text(&transfer, "/destination").to_owned();
    let theirs = state.within(&account, |state| balance::now(state)).available;
    check_reversal(amount, left, theirs)?;
    let (id, currency) = (state.ids.next("trr_"), text(&transfer, "/currency").to_owned());
    let transaction = balance::book(state, Movement::TransferRefund, amount, &currency, &id);
    let payment = text(&transfer, "/destination_payment").to_owned();
    let refund = state.within(&account, |state| take_back(state, &payment, amount, &currency));
    let reversal = json!({
        "id": id,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": transaction,
        "created": state.now,
        "currency": currency,
        "destination_payment_refund": refund,
        "metadata": metadata(call.get("metadata")),
        "source_refund": null,
        "transfer": call.id(),
    });
    state.objects.put(reversal.clone());
    state.change(call.id(), "transfer.reversed", |transfer| note(transfer, &reversal));
    Ok(reversal)
}

fn check_reversal(amount: i64, left: i64, theirs: i64) -> Result<(), Refused> {
    if amount < 1 && left != 0 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Refused::invalid("amount", message).coded("parameter_invalid_integer"));
    }
    if left < amount || left == 0 {
        let message = format!(
            "Reversal amount (${}) is greater than unreversed amount on transfer (${})",
            dollars(amount),
            dollars(left),
        );
        return Err(Refused::invalid("amount", message));
    }
    if theirs < amount {
        let message = "The destination account does not have enough available funds to cover this \
                       reversal.";
        return Err(Refused::conflict("balance_insufficient", message));
    }
    Ok(())
}

/// The refund of the connected account's payment for a reversal. Returns its id.
fn take_back(state: &mut AccountState, payment: &str, amount: i64, currency: &str) -> String {
    let id = state.ids.next("pyr_");
    let transaction = balance::book(state, Movement::PaymentRefund, -amount, currency, &id);
    state.objects.put(json!({
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": transaction,
        "charge": payment,
        "created": state.now,
        "currency": currency,
        "metadata": {},
        "payment_intent": null,
        "reason": null,
        "status": "succeeded",
    }));
    state.change(payment, "charge.refunded", |payment| {
        let refunded = int(payment, "/amount_refunded") + amount;
        payment["amount_refunded"] = refunded.into();
        payment["refunded"] = (refunded == int(payment, "/amount")).into();
    });
    id
}

/// Adds a reversal to its transfer, newest first.
fn note(transfer: &mut Value, reversal: &Value) {
    let reversed = int(transfer, "/amount_reversed") + int(reversal, "/amount");
    transfer["amount_reversed"] = reversed.into();
    transfer["reversed"] = (reversed == int(transfer, "/amount")).into();
    if let Some(shown) = transfer["reversals"]["data"].as_array_mut() {
        shown.insert(0, reversal.clone());
        // One is added each time, so one is removed at the limit.
        if REVERSALS_SHOWN < shown.len() {
            shown.pop();
            transfer["reversals"]["has_more"] = true.into();
        }
    }
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |transfer: &Value, name: &str| {
        call.text(name).is_none_or(|wanted| text(transfer, &format!("/{name}")) == wanted)
    };
    state.objects.page("transfer", "/v1/transfers", &call.params, |transfer| {
        same(transfer, "transfer_group") && same(transfer, "destination")
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("transfer", call.id()).cloned()
}

fn list_reversals(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("transfer", call.id())?;
    let url = format!("/v1/transfers/{}/reversals", call.id());
    state.objects.page("transfer_reversal", &url, &call.params, |reversal| {
        text(reversal, "/transfer") == call.id()
    })
}
