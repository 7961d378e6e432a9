//! Payment intents and charges.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    balance::{self, Movement},
    cards::{Card, DECLINED, Decline, NEEDS_AUTHENTICATION, Presence, Verdict},
    catalogue::currency,
    customers,
    errors::Refused,
    json::{int, metadata, text},
    params::{CREATED, PAGE, Rules},
};

/// Smallest amount of a charge, in cents.
pub(super) const AMOUNT_MIN: i64 = 50;
/// Largest amount of a charge, in cents.
pub(super) const AMOUNT_MAX: i64 = 99_999_999;

/// Delay between a charge's success and its balance transaction; at Stripe up to an hour.
pub(super) const BOOKED_AFTER_S: i64 = 2;

const CREATE: Rules = &[
    "amount!: int",
    "currency!",
    "customer",
    "payment_method",
    "off_session: bool",
    "confirm: bool",
    "metadata.*",
    "description",
    "error_on_requires_action: bool",
    "statement_descriptor_suffix",
    "setup_future_usage: on_session|off_session",
    "transfer_group",
    "receipt_email",
    "return_url",
    "automatic_payment_methods.enabled: bool",
    "automatic_payment_methods.allow_redirects: always|never",
    "allowed_payment_method_types.*",
    "excluded_payment_method_types.*",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("payment_intents", &[CREATE], create),
    Endpoint::get("payment_intents", &[&["customer"], PAGE, CREATED], list),
    Endpoint::get("payment_intents/{}", &[&["client_secret"]], get),
    Endpoint::get(
        "charges",
        &[&["payment_intent", "customer", "transfer_group"], PAGE, CREATED],
        list_charges,
    ),
    Endpoint::get("charges/{}", &[], get_charge),
];

/// Values of a new payment intent.
#[derive(Debug, Clone, Default)]
pub(super) struct Intent {
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) customer: Option<String>,
    pub(super) description: Option<String>,
    pub(super) metadata: Value,
    pub(super) setup_future_usage: Option<String>,
    pub(super) transfer_group: Option<String>,
    pub(super) statement_descriptor_suffix: Option<String>,
    pub(super) receipt_email: Option<String>,
}

/// Outcome of a payment attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Paid,
    /// The bank decides later.
    Processing,
    /// The cardholder has to authenticate first.
    NeedsAction,
    Failed(Decline),
}

/// Creates a payment intent and returns its id.
pub(super) fn open(state: &mut AccountState, intent: Intent) -> String {
    let id = state.ids.next("pi_");
    let secret = state.ids.next("secret_");
    let object = json!({
        "id": id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": 0,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": { "allow_redirects": "always", "enabled": true },
        "canceled_at": null,
        "cancellation_reason": null,
        "capture_method": "automatic_async",
        "client_secret": format!("{id}_{secret}"),
        "confirmation_method": "automatic",
        "created": state.now,
        "currency": intent.currency,
        "customer": intent.customer,
        "description": intent.description,
        "last_payment_error": null,
        "latest_charge": null,
        "livemode": false,
        "metadata": metadata(Some(&intent.metadata)),
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"],
        "processing": null,
        "receipt_email": intent.receipt_email,
        "review": null,
        "setup_future_usage": intent.setup_future_usage,
        "shipping": null,
        "source": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": intent.statement_descriptor_suffix,
        "status": "requires_payment_method",
        "transfer_data": null,
        "transfer_group": intent.transfer_group,
    });
    state.add(object, "payment_intent.created")
}

/// Tries to pay an intent, and emits the events.
pub(super) fn attempt(
    state: &mut AccountState,
    intent: &str,
    method: &str,
    presence: Presence,
) -> Outcome {
    let card = Card::behind(&state.object(method));
    let mut verdict = card.verdict(presence);
    if 0 < state.settings.fail_next_charges {
        state.settings.fail_next_charges -= 1;
        verdict = Verdict::Fails(DECLINED);
    }
    match verdict {
        Verdict::Authenticate => {
            let url = format!("{}/stripe/authenticate/{intent}", state.url);
            state.change(intent, "payment_intent.requires_action", |intent| {
                intent["status"] = "requires_action".into();
                intent["payment_method"] = method.into();
                intent["next_action"] = json!({
                    "type": "redirect_to_url",
                    "redirect_to_url": { "return_url": null, "url": url },
                });
            });
            Outcome::NeedsAction
        }
        Verdict::Succeeds => {
            let charge = charge(state, intent, method, card, "succeeded");
            state.edit(intent, |intent| note_charge(intent, &charge, method));
            succeed(state, intent, &charge);
            Outcome::Paid
        }
        Verdict::Undecided => {
            let charge = charge(state, intent, method, card, "pending");
            state.undecided.insert(charge.clone());
            state.tell("charge.pending", &charge);
            state.change(intent, "payment_intent.processing", |intent| {
                note_charge(intent, &charge, method);
                intent["status"] = "processing".into();
            });
            Outcome::Processing
        }
        Verdict::Fails(decline) => {
            let charge = charge(state, intent, method, card, "pending");
            state.edit(intent, |intent| note_charge(intent, &charge, method));
            fail(state, intent, &charge, decline);
            Outcome::Failed(decline)
        }
    }
}

/// Applies the bank's decision on a debit. Returns the outcome, or `None` if none is awaited.
pub(super) fn decide(
    state: &mut AccountState,
    intent: &str,
    succeeds: Decision,
) -> Option<Outcome> {
    let charge = state.text(intent, "/latest_charge");
    if !state.undecided.remove(&charge) {
        return None;
    }
    Some(match succeeds {
        Decision::Succeed => {
            succeed(state, intent, &charge);
            Outcome::Paid
        }
        Decision::Fail => {
            let decline = Decline {
                code: "payment_intent_payment_attempt_failed",
                decline_code: "insufficient_funds",
                message: "The customer's account has insufficient funds to cover this payment.",
            };
            fail(state, intent, &charge, decline);
            Outcome::Failed(decline)
        }
    })
}

/// A bank's decision on a debit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The debit succeeds.
    Succeed,
    /// The debit fails.
    Fail,
}

fn note_charge(intent: &mut Value, charge: &str, method: &str) {
    intent["latest_charge"] = charge.into();
    intent["payment_method"] = method.into();
    intent["next_action"] = Value::Null;
}

/// Marks a charge as succeeded. Its balance transaction, with the fee, comes later, as specified
/// for the default, `automatic_async`
/// (docs.stripe.com/payments/payment-intents/asynchronous-capture).
fn succeed(state: &mut AccountState, intent: &str, charge: &str) {
    let amount = int(&state.object(intent), "/amount");
    state.edit(charge, |charge| {
        charge["status"] = "succeeded".into();
        charge["paid"] = true.into();
        charge["captured"] = true.into();
        charge["amount_captured"] = amount.into();
    });
    state.unbooked.push(charge.to_owned());
    state.remind(state.now + BOOKED_AFTER_S, charge);
    state.tell("charge.succeeded", charge);
    state.change(intent, "payment_intent.succeeded", |intent| {
        intent["status"] = "succeeded".into();
        intent["amount_received"] = amount.into();
        intent["last_payment_error"] = Value::Null;
    });
}

/// Books a charge to the balance, once.
pub(super) fn book(state: &mut AccountState, charge: &str) {
    let Some(nth) = state.unbooked.iter().position(|waiting| waiting == charge) else { return };
    state.unbooked.remove(nth);
    let amount = int(&state.object(charge), "/amount_captured");
    let currency = state.text(charge, "/currency");
    let transaction = balance::book(state, Movement::Charge, amount, &currency, charge);
    state.change(charge, "charge.updated", |charge| {
        charge["balance_transaction"] = transaction.into();
    });
}

/// Books every succeeded charge to the balance now.
pub(super) fn book_all(state: &mut AccountState) {
    for charge in state.unbooked.clone() {
        book(state, &charge);
    }
}

fn fail(state: &mut AccountState, intent: &str, charge: &str, decline: Decline) {
    state.edit(charge, |charge| {
        charge["status"] = "failed".into();
        charge["failure_code"] = decline.code.into();
        charge["failure_message"] = decline.message.into();
        charge["outcome"] = json!({
            "network_status": "declined_by_network", "reason": decline.decline_code,
            "risk_level": "normal", "seller_message": decline.message, "type": "issuer_declined",
        });
    });
    state.tell("charge.failed", charge);
    let method = state.object(&state.text(intent, "/payment_method"));
    state.edit(intent, |intent| {
        intent["status"] = "requires_payment_method".into();
        intent["payment_method"] = Value::Null;
        intent["last_payment_error"] = json!({
            "type": "card_error", "code": decline.code, "decline_code": decline.decline_code,
            "message": decline.message, "charge": charge, "payment_method": method,
        });
    });
    state.tell("payment_intent.payment_failed", intent);
}

/// A charge of an intent, with its initial status.
fn charge(
    state: &mut AccountState,
    intent: &str,
    method: &str,
    card: Card,
    status: &str,
) -> String {
    let intent = state.object(intent);
    let method_object = state.object(method);
    let id = state.ids.next("ch_");
    let receipt = format!("{}/stripe/receipts/{id}", state.url);
    let charge = json!({
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": null,
        "billing_details": method_object["billing_details"],
        "calculated_statement_descriptor": "PROLIGHT",
        "captured": false,
        "created": state.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "fraud_details": {},
        "livemode": false,
        "metadata": intent["metadata"],
        "on_behalf_of": null,
        "outcome": {
            "network_status": "approved_by_network", "reason": null, "risk_level": "normal",
            "risk_score": 12, "seller_message": "Payment complete.", "type": "authorized",
        },
        "paid": false,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": card.charge_details(),
        "receipt_email": intent["receipt_email"],
        "receipt_number": null,
        "receipt_url": receipt,
        "refunded": false,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": null,
        "transfer_group": intent["transfer_group"],
    });
    state.objects.put(charge)
}

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let asked = checked(state, call)?;
    let confirm = call.flag("confirm").unwrap_or_default();
    let customer = asked.customer.clone();
    let id = open(state, asked);
    let Some(method) = call.text("payment_method") else { return Ok(state.object(&id)) };
    if !confirm {
        state.edit(&id, |intent| {
            intent["status"] = "requires_confirmation".into();
            intent["payment_method"] = method.into();
        });
        return Ok(state.object(&id));
    }
    let presence = match call.flag("off_session") {
        Some(true) => Presence::Away,
        Some(false) | None => Presence::OnPage,
    };
    let stops = call.flag("error_on_requires_action").unwrap_or_default();
    match attempt(state, &id, method, presence) {
        Outcome::Paid | Outcome::Processing => {
            if let Some(customer) = customer
                && call.text("setup_future_usage").is_some()
                && state.text(method, "/customer").is_empty()
            {
                customers::attach(state, method, &customer);
            }
        }
        Outcome::NeedsAction if !stops => {}
        Outcome::NeedsAction => {
            state.edit(&id, |intent| {
                intent["status"] = "requires_payment_method".into();
                intent["next_action"] = Value::Null;
            });
            return Err(declined(state, &id, NEEDS_AUTHENTICATION));
        }
        Outcome::Failed(decline) => return Err(declined(state, &id, decline)),
    }
    Ok(state.object(&id))
}

/// The API error for a failed payment.
pub(super) fn declined(state: &AccountState, intent: &str, decline: Decline) -> Refused {
    Refused::card(decline.code, decline.decline_code, decline.message, state.object(intent))
}

fn checked(state: &AccountState, call: &Call) -> Result<Intent, Refused> {
    let amount = call.int("amount").unwrap_or_default();
    check_amount(amount, "amount")?;
    let currency = currency(call.text("currency").unwrap_or_default(), "currency")?;
    let customer = call.text("customer");
    if let Some(id) = customer {
        state.objects.find_param("customer", id, "customer")?;
    }
    let confirm = call.flag("confirm").unwrap_or_default();
    match call.text("payment_method") {
        Some(id) => {
            let method = state.objects.find_param("payment_method", id, "payment_method")?;
            let owner = text(method, "/customer");
            if !owner.is_empty() && Some(owner) != customer {
                let message = format!(
                    "The provided PaymentMethod ({id}) belongs to another customer. Please include \
                     the Customer in the `customer` parameter."
                );
                return Err(Refused::invalid("payment_method", message));
            }
        }
        None if confirm => {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment \
                           method.";
            return Err(Refused::invalid("payment_method", message)
                .coded("payment_intent_unexpected_state"));
        }
        None => {}
    }
    for needs_confirm in ["off_session", "error_on_requires_action"] {
        if !confirm && call.flag(needs_confirm) == Some(true) {
            let message =
                format!("The parameter `{needs_confirm}` can only be passed with `confirm`.");
            return Err(Refused::invalid(needs_confirm, message));
        }
    }
    let own = |name: &str| call.text(name).map(str::to_owned);
    Ok(Intent {
        amount,
        currency: currency.to_owned(),
        customer: own("customer"),
        description: own("description"),
        metadata: call.get("metadata").cloned().unwrap_or_default(),
        setup_future_usage: own("setup_future_usage"),
        transfer_group: own("transfer_group"),
        statement_descriptor_suffix: own("statement_descriptor_suffix"),
        receipt_email: own("receipt_email"),
    })
}

/// Checks the limits of a charge's amount.
pub(super) fn check_amount(amount: i64, param: &str) -> Result<(), Refused> {
    if amount < AMOUNT_MIN {
        let message = "Amount must be at least $0.50 usd";
        return Err(Refused::invalid(param, message).coded("amount_too_small"));
    }
    if AMOUNT_MAX < amount {
        let message = "Amount must be no more than $999,999.99";
        return Err(Refused::invalid(param, message).coded("amount_too_large"));
    }
    Ok(())
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.page("payment_intent", "/v1/payment_intents", &call.params, |intent| {
        call.text("customer").is_none_or(|wanted| text(intent, "/customer") == wanted)
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("payment_intent", call.id()).cloned()
}

fn list_charges(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |charge: &Value, name: &str| {
        call.text(name).is_none_or(|wanted| text(charge, &format!("/{name}")) == wanted)
    };
    state.objects.page("charge", "/v1/charges", &call.params, |charge| {
        ["payment_intent", "customer", "transfer_group"].iter().all(|name| same(charge, name))
    })
}

fn get_charge(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("charge", call.id()).cloned()
}

/// The charge named by a request: directly, or the latest of its payment intent.
pub(super) fn named_charge(
    state: &AccountState,
    charge: Option<&str>,
    intent: Option<&str>,
) -> Result<Value, Refused> {
    let id = match (charge, intent) {
        (Some(charge), _) => charge.to_owned(),
        (None, Some(intent)) => {
            let object = state.objects.find_param("payment_intent", intent, "payment_intent")?;
            let latest = text(object, "/latest_charge").to_owned();
            if latest.is_empty() {
                let message = format!(
                    "This PaymentIntent ({intent}) does not have a successful charge to refund."
                );
                return Err(Refused::invalid("payment_intent", message)
                    .coded("payment_intent_unexpected_state"));
            }
            latest
        }
        (None, None) => {
            let message = "One of the following params should be provided for this request: \
                           payment_intent or charge.";
            return Err(Refused::invalid("charge", message).coded("parameter_missing"));
        }
    };
    state.objects.find_param("charge", &id, "charge").cloned()
}
