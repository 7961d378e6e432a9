//! Disputes: a cardholder's bank reverses a payment, or opens an inquiry first.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    balance::{self, Movement},
    clock::DAY_S,
    errors::Refused,
    json::{flag, merge_metadata, set, text},
    params::{CREATED, PAGE, Rules},
};

/// Time to submit evidence.
const EVIDENCE_S: i64 = 9 * DAY_S;

/// Most bytes of all texts of a dispute's evidence.
const EVIDENCE_BYTES_MAX: usize = 150_000;

/// Evidence against a dispute: texts, and ids of uploaded files.
const EVIDENCE: Rules = &[
    "evidence.access_activity_log",
    "evidence.billing_address",
    "evidence.cancellation_policy",
    "evidence.cancellation_policy_disclosure",
    "evidence.cancellation_rebuttal",
    "evidence.customer_communication",
    "evidence.customer_email_address",
    "evidence.customer_name",
    "evidence.customer_purchase_ip",
    "evidence.customer_signature",
    "evidence.duplicate_charge_documentation",
    "evidence.duplicate_charge_explanation",
    "evidence.duplicate_charge_id",
    "evidence.enhanced_evidence.**",
    "evidence.product_description",
    "evidence.receipt",
    "evidence.refund_policy",
    "evidence.refund_policy_disclosure",
    "evidence.refund_refusal_explanation",
    "evidence.service_date",
    "evidence.service_documentation",
    "evidence.shipping_address",
    "evidence.shipping_carrier",
    "evidence.shipping_date",
    "evidence.shipping_documentation",
    "evidence.shipping_tracking_number",
    "evidence.uncategorized_file",
    "evidence.uncategorized_text",
];

/// Kind of a dispute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// A dispute: the amount leaves the balance immediately.
    #[default]
    Chargeback,
    /// An inquiry: no money moves yet.
    Warning,
}

/// Outcome of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The amount is returned.
    Won,
    /// The amount is lost.
    Lost,
    /// The inquiry closes without a dispute.
    WarningClosed,
}

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("disputes", &[&["charge", "payment_intent"], PAGE, CREATED], list),
    Endpoint::get("disputes/{}", &[], get),
    Endpoint::post("disputes/{}", &[EVIDENCE, &["submit: bool", "metadata.*"]], update),
];

/// Opens a dispute about a charge, of any `amount`: banks convert currencies and add fees.
pub(super) fn open(
    state: &mut AccountState,
    charge: &Value,
    amount: i64,
    opening: Opening,
) -> String {
    let id = state.ids.next("dp_");
    let status = match opening {
        Opening::Chargeback => "needs_response",
        Opening::Warning => "warning_needs_response",
    };
    let dispute = json!({
        "id": id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": state.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": { "enhanced_evidence": {} },
        "evidence_details": {
            "due_by": state.now + EVIDENCE_S, "enhanced_eligibility": {}, "has_evidence": false,
            "past_due": false, "submission_count": 0,
        },
        "is_charge_refundable": opening == Opening::Warning,
        "livemode": false,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": "visa", "network": "visa", "network_reason_code": "83",
                "case_type": match opening {
                    Opening::Chargeback => "chargeback",
                    Opening::Warning => "inquiry",
                },
            },
            "type": "card",
        },
        "reason": "fraudulent",
        "status": status,
    });
    state.objects.put(dispute);
    let charge = text(charge, "/id");
    state.change(charge, "charge.updated", |charge| charge["disputed"] = true.into());
    state.tell("charge.dispute.created", &id);
    match opening {
        Opening::Warning => {}
        Opening::Chargeback => {
            move_money(state, &id, Movement::Dispute, -amount);
            state.tell("charge.dispute.funds_withdrawn", &id);
        }
    }
    id
}

/// Closes a dispute, if its status allows.
pub(super) fn close(state: &mut AccountState, id: &str, closing: Closing) -> Result<(), Refused> {
    let dispute = state.objects.find("dispute", id)?;
    let status = text(dispute, "/status");
    let inquiry = matches!(status, "warning_needs_response" | "warning_under_review");
    let chargeback = matches!(status, "needs_response" | "under_review");
    let (fits, end) = match closing {
        Closing::Won => (chargeback, "won"),
        Closing::Lost => (chargeback, "lost"),
        Closing::WarningClosed => (inquiry, "warning_closed"),
    };
    if !fits {
        let message = format!("A dispute that is {status} cannot become {end}.");
        return Err(Refused::conflict("dispute_state", message));
    }
    let amount = super::json::int(dispute, "/amount");
    state.edit(id, |dispute| dispute["status"] = end.into());
    if closing == Closing::Won {
        move_money(state, id, Movement::DisputeReversal, amount);
        state.tell("charge.dispute.funds_reinstated", id);
    }
    state.tell("charge.dispute.closed", id);
    Ok(())
}

fn move_money(state: &mut AccountState, id: &str, movement: Movement, amount: i64) {
    let currency = state.text(id, "/currency");
    let transaction = balance::book(state, movement, amount, &currency, id);
    let transaction = state.object(&transaction);
    state.edit(id, |dispute| {
        if let Some(all) = dispute["balance_transactions"].as_array_mut() {
            all.push(transaction);
        }
    });
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let same = |dispute: &Value, name: &str| {
        call.text(name).is_none_or(|wanted| text(dispute, &format!("/{name}")) == wanted)
    };
    state.objects.page("dispute", "/v1/disputes", &call.params, |dispute| {
        same(dispute, "charge") && same(dispute, "payment_intent")
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("dispute", call.id()).cloned()
}

fn update(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let status = text(state.objects.find("dispute", call.id())?, "/status").to_owned();
    let evidence = call.get("evidence");
    let said = evidence.and_then(Value::as_object).into_iter().flatten();
    let bytes: usize = said.filter_map(|(_, text)| text.as_str()).map(str::len).sum();
    if EVIDENCE_BYTES_MAX < bytes {
        let message = format!("All evidence has at most {EVIDENCE_BYTES_MAX} characters.");
        return Err(Refused::invalid("evidence", message));
    }
    let wants = call.flag("submit");
    if (evidence.is_some() || wants == Some(true)) && !status.ends_with("needs_response") {
        let message = format!("This dispute is {status}; evidence is no longer taken.");
        return Err(Refused::conflict("dispute_state", message));
    }
    // Evidence staged earlier can be submitted later without new evidence.
    let submits = wants.unwrap_or(evidence.is_some());
    state.change(call.id(), "charge.dispute.updated", |dispute| {
        for (name, value) in evidence.and_then(Value::as_object).into_iter().flatten() {
            set(dispute, &format!("/evidence/{name}"), value.clone());
        }
        if evidence.is_some() {
            set(dispute, "/evidence_details/has_evidence", true);
        }
        if submits && flag(dispute, "/evidence_details/has_evidence") {
            set(dispute, "/evidence_details/submission_count", 1);
            dispute["status"] = status.replace("needs_response", "under_review").into();
        }
        merge_metadata(dispute, call.get("metadata"));
    });
    Ok(state.object(call.id()))
}
