//! Bank payouts of connected accounts, and of the platform if its schedule says so: every midnight
//! (UTC) the whole balance is paid out, and arrives a day later or fails. A payout may also fail
//! after it arrived. A failed payout returns to the account's balance, and payouts stop until
//! another bank account is entered (docs.stripe.com/payouts#payout-failures).

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    accounts::{self, Bank},
    api::{Call, Endpoint},
    balance::{self, Movement},
    clock::day_end,
    errors::Refused,
    json::{int, text},
    params::PAGE,
};

pub(super) const ENDPOINTS: &[Endpoint] =
    &[Endpoint::get("payouts", &[&["status"], PAGE], list), Endpoint::get("payouts/{}", &[], get)];

/// End of an account's day: payouts in transit arrive, and the available balance is paid out.
pub(super) fn end_day(state: &mut AccountState, account: &str) {
    if !accounts::is_open(state, account) {
        return;
    }
    state.remind(day_end(state.now), account);
    let Some(bank) = state.banks.get(account).copied() else { return };
    let failed = state.within(account, |state| {
        let now = state.now;
        let ends = arrive(state, bank, |payout| int(payout, "/arrival_date") <= now);
        if !ends.failed {
            set_out(state, &account.replace("acct_", "ba_"));
        }
        ends.failed
    });
    if failed {
        accounts::lose_bank(state, account);
    }
}

/// Payouts in transit to the platform's bank arrive.
pub(super) fn reach_platform(state: &mut AccountState) {
    let now = state.now;
    arrive(state, Bank::Works, |payout| int(payout, "/arrival_date") <= now);
}

/// Pays the platform's whole balance out to its bank.
pub(super) fn pay_platform(state: &mut AccountState) {
    set_out(state, "ba_platform");
}

/// Pays an account's whole balance out now and completes the payouts in transit. Returns the last
/// payout's id.
pub(super) fn pay(state: &mut AccountState, account: &str) -> Result<String, Refused> {
    accounts::known(state, account)?;
    let Some(bank) = state.banks.get(account).copied() else {
        return Err(Refused::conflict("no_bank", "The account has no bank account in use."));
    };
    let ends = state.within(account, |state| {
        set_out(state, &account.replace("acct_", "ba_"));
        arrive(state, bank, |_| true)
    });
    if ends.failed {
        accounts::lose_bank(state, account);
    }
    ends.last.ok_or_else(|| Refused::conflict("balance_insufficient", "There is nothing to pay."))
}

/// Fails a payout, even after it arrived.
pub(super) fn fail(state: &mut AccountState, payout: &str) -> Result<(), Refused> {
    let account = state.holder_of(payout).ok_or_else(|| Refused::no_such("payout", payout))?;
    state.within(&account, |state| {
        let status = text(state.objects.find("payout", payout)?, "/status").to_owned();
        if !matches!(status.as_str(), "pending" | "in_transit" | "paid") {
            let message = format!("A payout that is {status} cannot fail.");
            return Err(Refused::conflict("payout_state", message));
        }
        come_back(state, payout, Bank::Closed);
        Ok(())
    })?;
    accounts::lose_bank(state, &account);
    Ok(())
}

/// Pays out the available balance, if any.
fn set_out(state: &mut AccountState, bank_account: &str) {
    let amount = balance::now(state).available;
    if amount < 1 {
        return;
    }
    let all = state.objects.all("balance_transaction").map(|object| text(object, "/id").to_owned());
    let mut parts: Vec<String> = all.filter(|id| !state.paid_in.contains_key(id)).collect();
    let id = state.ids.next("po_");
    let transaction = balance::book(state, Movement::Payout, -amount, "usd", &id);
    parts.push(transaction.clone());
    state.paid_in.extend(parts.into_iter().map(|part| (part, id.clone())));
    let payout = json!({
        "id": id,
        "object": "payout",
        "amount": amount,
        "application_fee": null,
        "application_fee_amount": null,
        "arrival_date": day_end(state.now),
        "automatic": true,
        "balance_transaction": transaction,
        "created": state.now,
        "currency": "usd",
        "description": "STRIPE PAYOUT",
        "destination": bank_account,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "livemode": false,
        "metadata": {},
        "method": "standard",
        "original_payout": null,
        "payout_method": null,
        "reconciliation_status": "completed",
        "reversed_by": null,
        "source_type": "card",
        "statement_descriptor": null,
        "status": "pending",
        "trace_id": null,
        "type": "bank_account",
    });
    state.add(payout, "payout.created");
    state.change(&id, "payout.updated", |payout| payout["status"] = "in_transit".into());
}

/// Results of completed payouts.
struct Ends {
    failed: bool,
    last: Option<String>,
}

/// Completes the payouts in transit that are `due`, according to the bank account.
fn arrive(state: &mut AccountState, bank: Bank, due: impl Fn(&Value) -> bool) -> Ends {
    let underway = state.objects.all("payout");
    let underway = underway.filter(|payout| text(payout, "/status") == "in_transit" && due(payout));
    let ids: Vec<String> = underway.map(|payout| text(payout, "/id").to_owned()).collect();
    for id in &ids {
        if bank.failure().is_some() {
            come_back(state, id, bank);
        } else {
            state.change(id, "payout.paid", |payout| payout["status"] = "paid".into());
        }
    }
    Ends { failed: bank.failure().is_some() && !ids.is_empty(), last: ids.last().cloned() }
}

/// Returns a failed payout to the balance.
fn come_back(state: &mut AccountState, id: &str, bank: Bank) {
    let (code, message) = bank.failure().unwrap_or_default();
    let amount = int(&state.object(id), "/amount");
    let transaction = balance::book(state, Movement::PayoutFailure, amount, "usd", id);
    state.change(id, "payout.failed", |payout| {
        payout["status"] = "failed".into();
        payout["failure_balance_transaction"] = transaction.into();
        payout["failure_code"] = code.into();
        payout["failure_message"] = message.into();
    });
}

fn list(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.page("payout", "/v1/payouts", &call.params, |payout| {
        call.text("status").is_none_or(|wanted| text(payout, "/status") == wanted)
    })
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    state.objects.find("payout", call.id()).cloned()
}
