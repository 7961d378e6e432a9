//! Payment of a Checkout session, through its page or a control: one attempt and its effects.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    cards::{Card, Decline, Presence},
    customers, cycle,
    errors::Refused,
    invoices::{self, Draft, Line, Origin, line},
    json::{flag, int, metadata, set, text, text_of},
    payments::{self, Decision, Intent, Outcome},
    subscriptions::{self, Start},
};

/// Email of a customer who gave none.
const NOBODY: &str = "customer@example.com";

/// Outcome of an attempt to pay a session.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Paid {
    /// Complete, with the URL to redirect to. Debits are decided later.
    Complete(String),
    /// The cardholder has to authenticate first.
    NeedsAction,
    /// The session is still open.
    Declined(Decline),
}

/// Tries to pay an open session with a card.
pub(super) fn pay(
    state: &mut AccountState,
    id: &str,
    card: Card,
    presence: Presence,
) -> Result<Paid, Refused> {
    let session = state.objects.find("checkout.session", id)?.clone();
    let status = text(&session, "/status");
    if status != "open" {
        let message = format!("This Checkout Session is {status}.");
        return Err(Refused::conflict("checkout_session_state", message));
    }
    let asked = text_of(&session, "/customer").map(str::to_owned);
    let known = asked.as_deref().map(|customer| state.text(customer, "/email"));
    let email = known.filter(|email| !email.is_empty());
    let email =
        email.unwrap_or_else(|| text_of(&session, "/customer_email").unwrap_or(NOBODY).to_owned());
    let method = customers::method_of(state, card, &email);
    let promise = state.promises.get(id).cloned().unwrap_or_default();
    let sale = Sale { session, promise, method, email, customer: asked };
    let paid = match text(&sale.session, "/mode") {
        "setup" => set_up(state, &sale),
        "subscription" => subscribe(state, sale, presence),
        _ => buy(state, sale, presence),
    };
    if let Paid::Complete(_) = paid {
        state.promises.remove(id);
    }
    Ok(paid)
}

/// A session being paid.
struct Sale {
    session: Value,
    /// Data for the payment, subscription or setup.
    promise: Value,
    method: String,
    email: String,
    customer: Option<String>,
}

impl Sale {
    fn id(&self) -> &str {
        text(&self.session, "/id")
    }

    fn taxed(&self) -> bool {
        flag(&self.session, "/automatic_tax/enabled")
    }

    /// The customer, created if there is none.
    fn customer(&mut self, state: &mut AccountState) -> String {
        let email = self.email.clone();
        self.customer.get_or_insert_with(|| customers::open(state, Some(&email))).clone()
    }

    /// The payment intent of an earlier attempt, or a new one.
    fn intent(&self, state: &mut AccountState, asked: Intent) -> String {
        let earlier = state.text(self.id(), "/payment_intent");
        if !earlier.is_empty() {
            return earlier;
        }
        let asked = Intent {
            amount: int(&self.session, "/amount_total"),
            currency: text(&self.session, "/currency").to_owned(),
            customer: self.customer.clone(),
            ..asked
        };
        payments::open(state, asked)
    }

    fn promised(&self, name: &str) -> Option<String> {
        text_of(&self.promise, &format!("/{name}")).map(str::to_owned)
    }
}

/// One-time payment.
fn buy(state: &mut AccountState, mut sale: Sale, presence: Presence) -> Paid {
    let usage = sale.promised("setup_future_usage");
    let invoiced = flag(&sale.session, "/invoice_creation/enabled");
    let wants_customer = text(&sale.session, "/customer_creation") == "always";
    if usage.is_some() || invoiced || wants_customer {
        sale.customer(state);
    }
    let asked = Intent {
        description: sale.promised("description"),
        metadata: sale.promise["metadata"].clone(),
        setup_future_usage: usage.clone(),
        transfer_group: sale.promised("transfer_group"),
        statement_descriptor_suffix: sale.promised("statement_descriptor_suffix"),
        receipt_email: sale.promised("receipt_email"),
        ..Intent::default()
    };
    let intent = sale.intent(state, asked);
    state.edit(sale.id(), |session| session["payment_intent"] = intent.clone().into());
    let status = match payments::attempt(state, &intent, &sale.method, presence) {
        Outcome::NeedsAction => return Paid::NeedsAction,
        Outcome::Failed(decline) => return Paid::Declined(decline),
        Outcome::Processing => "unpaid",
        Outcome::Paid => "paid",
    };
    if let (Some(_), Some(customer)) = (&usage, &sale.customer) {
        customers::attach(state, &sale.method, customer);
    }
    let invoice = invoiced.then(|| bill(state, &sale, &intent)).flatten();
    if let Some(invoice) = &invoice
        && status == "paid"
    {
        invoices::settle(state, invoice);
    }
    let next = complete(state, &sale, status, json!({ "invoice": invoice }));
    Paid::Complete(next)
}

/// Invoice of a one-time payment.
fn bill(state: &mut AccountState, sale: &Sale, intent: &str) -> Option<String> {
    let customer = sale.customer.clone()?;
    let lines = lines_once(state, sale);
    let invoice = invoices::issue(
        state,
        Draft {
            customer: &customer,
            subscription: "",
            reason: "manual",
            currency: text(&sale.session, "/currency"),
            lines,
            period: (state.now, state.now),
            taxed: sale.taxed(),
            metadata: sale.session["invoice_creation"]["invoice_data"]["metadata"].clone(),
        },
    );
    invoices::tie(state, &invoice, intent);
    Some(invoice)
}

/// Invoice lines of one-time items.
fn lines_once(state: &mut AccountState, sale: &Sale) -> Vec<Value> {
    let of_it = |item: &&Value| {
        text(item, "/session") == sale.id() && text(item, "/price/type") != "recurring"
    };
    let items: Vec<Value> = state.objects.all("item").filter(of_it).cloned().collect();
    let lines = items.iter().map(|item| {
        let of = Line {
            price: &item["price"],
            amount: int(item, "/amount_subtotal"),
            quantity: int(item, "/quantity"),
            period: (state.now, state.now),
            description: text(item, "/description").to_owned(),
            origin: Origin::Alone,
        };
        line(state, of)
    });
    lines.collect()
}

/// First payment of a subscription, and the subscription.
fn subscribe(state: &mut AccountState, mut sale: Sale, presence: Presence) -> Paid {
    let customer = sale.customer(state);
    let description = Some("Subscription creation".to_owned());
    let intent = sale.intent(state, Intent { description, ..Intent::default() });
    let outcome = payments::attempt(state, &intent, &sale.method, presence);
    let status = match outcome {
        // Once there is an invoice, the intent belongs to it, not to the session; until then the
        // session keeps it for the next attempt.
        Outcome::NeedsAction | Outcome::Failed(_) => {
            state.edit(sale.id(), |session| session["payment_intent"] = intent.clone().into());
            return match outcome {
                Outcome::Failed(decline) => Paid::Declined(decline),
                Outcome::NeedsAction | Outcome::Paid | Outcome::Processing => Paid::NeedsAction,
            };
        }
        Outcome::Processing => "unpaid",
        Outcome::Paid => "paid",
    };
    customers::attach(state, &sale.method, &customer);
    customers::make_default(state, &sale.method, &customer);
    let subscription = start(state, &sale, &customer);
    let object = state.object(&subscription);
    let mut lines = cycle::period_lines(state, &object);
    lines.append(&mut lines_once(state, &sale));
    let invoice = invoices::issue(
        state,
        Draft {
            customer: &customer,
            subscription: &subscription,
            reason: "subscription_create",
            currency: text(&sale.session, "/currency"),
            lines,
            period: (state.now, state.now),
            taxed: sale.taxed(),
            metadata: Value::Null,
        },
    );
    invoices::tie(state, &invoice, &intent);
    match outcome {
        Outcome::Paid => invoices::settle(state, &invoice),
        // Access starts immediately, and ends if the bank declines.
        Outcome::Processing | Outcome::NeedsAction | Outcome::Failed(_) => {
            subscriptions::resume(state, &subscription);
        }
    }
    let linked = json!({
        "invoice": invoice, "payment_intent": null, "subscription": subscription,
    });
    Paid::Complete(complete(state, &sale, status, linked))
}

fn start(state: &mut AccountState, sale: &Sale, customer: &str) -> String {
    let of_it = |item: &&Value| {
        text(item, "/session") == sale.id() && text(item, "/price/type") == "recurring"
    };
    let items = state.objects.all("item").filter(of_it);
    let items = items.map(|item| (item["price"].clone(), int(item, "/quantity"))).collect();
    subscriptions::start(
        state,
        Start {
            customer,
            items,
            method: &sale.method,
            metadata: metadata(sale.promise.get("metadata")),
            description: sale.promise["description"].clone(),
            taxed: sale.taxed(),
        },
    )
}

/// Saves a payment method for later.
fn set_up(state: &mut AccountState, sale: &Sale) -> Paid {
    let id = state.ids.next("seti_");
    let intent = json!({
        "id": id,
        "object": "setup_intent",
        "application": null,
        "automatic_payment_methods": null,
        "cancellation_reason": null,
        "client_secret": null,
        "created": state.now,
        "customer": sale.customer,
        "description": sale.promise["description"],
        "flow_directions": null,
        "last_setup_error": null,
        "latest_attempt": null,
        "livemode": false,
        "mandate": null,
        "metadata": metadata(sale.promise.get("metadata")),
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": sale.method,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": null,
        "status": "succeeded",
        "usage": "off_session",
    });
    if let Some(customer) = &sale.customer {
        customers::attach(state, &sale.method, customer);
    }
    state.add(intent, "setup_intent.succeeded");
    let linked = json!({ "setup_intent": id });
    Paid::Complete(complete(state, sale, "no_payment_required", linked))
}

/// Completes a session and returns the URL to redirect to.
fn complete(state: &mut AccountState, sale: &Sale, payment_status: &str, linked: Value) -> String {
    let details = json!({
        "address": {
            "city": null, "country": "US", "line1": null, "line2": null, "postal_code": "10001",
            "state": null,
        },
        "email": sale.email, "name": null, "phone": null, "tax_exempt": "none", "tax_ids": [],
    });
    state.change(sale.id(), "checkout.session.completed", |session| {
        session["customer"] = sale.customer.clone().into();
        session["customer_details"] = details;
        session["payment_status"] = payment_status.into();
        session["status"] = "complete".into();
        session["url"] = Value::Null;
        for (name, value) in linked.as_object().into_iter().flatten() {
            set(session, &format!("/{name}"), value.clone());
        }
    });
    text(&sale.session, "/success_url").replace("{CHECKOUT_SESSION_ID}", sale.id())
}

/// The bank's decision on a session's debit.
pub(super) fn decide(
    state: &mut AccountState,
    id: &str,
    decision: Decision,
) -> Result<(), Refused> {
    let session = state.objects.find("checkout.session", id)?.clone();
    let invoice = text(&session, "/invoice").to_owned();
    let intent = match text_of(&session, "/payment_intent") {
        Some(intent) => intent.to_owned(),
        None => intent_of(state, &invoice),
    };
    let Some(outcome) = payments::decide(state, &intent, decision) else {
        let message = "No decision of a bank is awaited for this Checkout Session.";
        return Err(Refused::conflict("checkout_session_state", message));
    };
    if !invoice.is_empty() {
        invoices::conclude(state, &invoice, outcome, Presence::Away);
    }
    match decision {
        Decision::Succeed => {
            state.change(id, "checkout.session.async_payment_succeeded", |session| {
                session["payment_status"] = "paid".into();
            });
        }
        Decision::Fail => state.tell("checkout.session.async_payment_failed", id),
    }
    Ok(())
}

/// The bank's decision on a debit without a session, such as a renewal's.
pub(super) fn decide_intent(
    state: &mut AccountState,
    intent: &str,
    decision: Decision,
) -> Result<(), Refused> {
    state.objects.find("payment_intent", intent)?;
    let Some(outcome) = payments::decide(state, intent, decision) else {
        let message = "No decision of a bank is awaited for this PaymentIntent.";
        return Err(Refused::conflict("payment_intent_unexpected_state", message));
    };
    if let Some(invoice) = invoices::paid_by(state, intent) {
        invoices::conclude(state, &invoice, outcome, Presence::Away);
    }
    Ok(())
}

/// The payment intent of an invoice, or an empty string.
fn intent_of(state: &AccountState, invoice: &str) -> String {
    let mut payments = state.objects.all("invoice_payment");
    payments
        .find(|payment| text(payment, "/invoice") == invoice)
        .map(|payment| text(payment, "/payment/payment_intent").to_owned())
        .unwrap_or_default()
}
