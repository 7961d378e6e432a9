//! Connected accounts: the payees of the platform. They are v2 objects: created with JSON, shown
//! with the parts that `include` lists, reported by thin events.
//!
//! There is one shape, that of a marketplace whose platform is the merchant of record and covers
//! losses: a recipient with the Express dashboard (docs.stripe.com/connect/accounts-v2). It can be
//! paid once its owner has followed an account link and entered a bank account.

use serde_json::{Value, json};

use super::{
    account_state::AccountState,
    api::{Call, Endpoint},
    clock::{DAY_S, day_end, rfc3339},
    errors::Refused,
    events::Form,
    json::{flag, metadata, set, text, value},
    params::Rules,
};

/// Lifetime of a link.
const LINK_S: i64 = 5 * 60;
/// Requirement of a new account, and of one whose bank account failed.
const IDENTITY: &str = "identity.individual.id_numbers";
const BANK_ACCOUNT: &str = "configuration.recipient.default_outbound_destination";
/// Where an account shows whether it can receive transfers.
const TRANSFERS: &str = "/configuration/recipient/capabilities/stripe_balance/stripe_transfers";

const CREATE: Rules = &[
    "contact_email!",
    "display_name",
    "dashboard!: express|full|none",
    "identity.country!",
    "identity.entity_type: individual|company|government_entity|non_profit",
    "configuration.recipient.capabilities.stripe_balance.stripe_transfers.requested!: bool",
    "defaults.responsibilities.fees_collector!: application|application_custom|\
     application_express|stripe",
    "defaults.responsibilities.losses_collector!: application|stripe",
    "metadata.*",
];
const INCLUDE: Rules =
    &["include.*: configuration.customer|configuration.merchant|configuration.recipient|defaults|\
     future_requirements|identity|requirements"];
const LINK: Rules = &[
    "account!",
    "use_case.type!: account_onboarding",
    "use_case.account_onboarding.refresh_url!",
    "use_case.account_onboarding.return_url",
    "use_case.account_onboarding.collection_options.fields: currently_due|eventually_due",
    "use_case.account_onboarding.collection_options.future_requirements: include|omit",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post_v2("core/accounts", &[CREATE, INCLUDE], create),
    Endpoint::get_v2("core/accounts/{}", &[INCLUDE], get),
    Endpoint::post_v2("core/account_links", &[LINK], open_link),
];

/// A test bank account; each has a number (docs.stripe.com/connect/testing#account-numbers).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bank {
    /// Payouts arrive.
    #[default]
    Works,
    /// Payouts fail: the account is closed.
    Closed,
    /// Payouts fail: there is no such account.
    Missing,
}

impl Bank {
    /// Every test bank account, for the page.
    pub(super) const ALL: [Bank; 3] = [Bank::Works, Bank::Closed, Bank::Missing];

    pub(super) fn number(self) -> &'static str {
        match self {
            Bank::Works => "000123456789",
            Bank::Closed => "000111111113",
            Bank::Missing => "000111111116",
        }
    }

    pub(super) fn of_number(number: &str) -> Option<Bank> {
        Bank::ALL.into_iter().find(|bank| bank.number() == number)
    }

    /// Description shown on the page.
    pub(super) fn conduct(self) -> &'static str {
        match self {
            Bank::Works => "Payouts arrive",
            Bank::Closed => "Payouts fail: the account was closed",
            Bank::Missing => "Payouts fail: there is no such account",
        }
    }

    /// Failure code and message of a failed payout.
    pub(super) fn failure(self) -> Option<(&'static str, &'static str)> {
        match self {
            Bank::Works => None,
            Bank::Closed => Some(("account_closed", "The bank account has been closed.")),
            Bank::Missing => Some(("no_account", "The bank account could not be located.")),
        }
    }
}

/// A link to the onboarding page of an account.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) account: String,
    pub(super) refresh_url: String,
    return_url: Option<String>,
    expires_at: i64,
    used: Used,
}

/// Usage of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Used {
    /// Not used.
    No,
    /// Opened: the page can be submitted, but not opened again.
    Followed,
    /// The page was submitted.
    Done,
}

fn create(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    check(call)?;
    let country = call.text("identity.country").unwrap_or_default().to_ascii_lowercase();
    let responsibilities = call.get("defaults.responsibilities");
    let account = json!({
        "id": state.ids.next("acct_"),
        "object": "v2.core.account",
        "applied_configurations": ["recipient"],
        "closed": false,
        "configuration": {
            "customer": null,
            "merchant": null,
            "recipient": {
                "applied": true,
                "capabilities": { "stripe_balance": { "stripe_transfers": restricted() } },
            },
        },
        "contact_email": call.text("contact_email"),
        "contact_phone": null,
        "created": rfc3339(state.now),
        "dashboard": "express",
        "defaults": {
            "currency": "usd", "locales": [], "profile": null,
            "responsibilities": responsibilities,
        },
        "display_name": call.text("display_name"),
        "future_requirements": { "entries": [], "summary": null },
        "identity": {
            "country": country, "entity_type": call.text("identity.entity_type"),
        },
        "livemode": false,
        "metadata": metadata(call.get("metadata")),
        "requirements": requirements(&[IDENTITY, BANK_ACCOUNT]),
    });
    let id = state.objects.put(account);
    tell(state, &id, "v2.core.account.created");
    Ok(shown(&state.object(&id), call))
}

/// Refuses what Stripe refuses and what the sandbox does not support.
fn check(call: &Call) -> Result<(), Refused> {
    let country = call.text("identity.country").unwrap_or_default();
    if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_alphabetic()) {
        return Err(Refused::invalid("identity.country", "Invalid country."));
    }
    let wanted = "configuration.recipient.capabilities.stripe_balance.stripe_transfers.requested";
    for (holds, param, message) in [
        (
            call.text("dashboard") == Some("express"),
            "dashboard",
            "The sandbox has accounts with the express dashboard only.",
        ),
        (
            call.text("defaults.responsibilities.losses_collector") == Some("application"),
            "defaults.responsibilities.losses_collector",
            "With the express dashboard the application must collect losses.",
        ),
        (
            call.text("defaults.responsibilities.fees_collector") == Some("application"),
            "defaults.responsibilities.fees_collector",
            "With the express dashboard the application must collect fees.",
        ),
        (call.flag(wanted) == Some(true), wanted, "A recipient has to request transfers."),
        (
            call.text("contact_email").is_some_and(|email| email.contains('@')),
            "contact_email",
            "Invalid email address.",
        ),
    ] {
        if !holds {
            return Err(Refused::invalid(param, message));
        }
    }
    Ok(())
}

fn get(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    Ok(shown(find(state, call.id())?, call))
}

fn find<'a>(state: &'a AccountState, id: &str) -> Result<&'a Value, Refused> {
    let found = state.platform().find("v2.core.account", id);
    found.map_err(|_| Refused::no_such_v2("account", id))
}

/// An account with the requested parts; the others are null.
fn shown(account: &Value, call: &Call) -> Value {
    let asked = call.list("include");
    let mut shown = account.clone();
    for part in ["defaults", "future_requirements", "identity", "requirements"] {
        if !asked.contains(&part) {
            shown[part] = Value::Null;
        }
    }
    if !asked.contains(&"configuration.recipient") {
        set(&mut shown, "/configuration/recipient", Value::Null);
    }
    shown
}

fn open_link(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    let account = call.text("account").unwrap_or_default();
    if flag(find(state, account)?, "/closed") {
        return Err(Refused::invalid("account", "The account is closed."));
    }
    let within = |name: &str| call.text(&format!("use_case.account_onboarding.{name}"));
    super::webhooks::check_url(within("refresh_url"))?;
    super::webhooks::check_url(within("return_url"))?;
    let expires_at = state.now + LINK_S;
    let link = Link {
        account: account.to_owned(),
        refresh_url: within("refresh_url").unwrap_or_default().to_owned(),
        return_url: within("return_url").map(str::to_owned),
        expires_at,
        used: Used::No,
    };
    let now = state.now;
    state.links.retain(|_, old| now < old.expires_at + DAY_S);
    let step = state.ids.next("alu_test_");
    let url = format!("{}/stripe/connect/{step}", state.url);
    state.links.insert(step, link);
    Ok(json!({
        "object": "v2.core.account_link",
        "account": account,
        "created": rfc3339(state.now),
        "expires_at": rfc3339(expires_at),
        "livemode": false,
        "url": url,
        "use_case": call.get("use_case"),
    }))
}

/// Opens a link once and before it expires. Returns its account.
pub(super) fn follow(state: &mut AccountState, step: &str) -> Option<Value> {
    let now = state.now;
    let link = state.links.get_mut(step)?;
    if link.used != Used::No || link.expires_at <= now {
        return None;
    }
    link.used = Used::Followed;
    let account = link.account.clone();
    Some(state.object(&account))
}

/// Submits the page behind a link, once and before it expires. Returns the URL to redirect to.
pub(super) fn fill_in(state: &mut AccountState, step: &str, bank: Bank) -> Option<String> {
    let now = state.now;
    let link = state.links.get_mut(step)?;
    if link.used == Used::Done || link.expires_at <= now {
        return None;
    }
    link.used = Used::Done;
    let link = link.clone();
    onboard(state, &link.account, bank).ok()?;
    Some(link.return_url.unwrap_or(link.refresh_url))
}

/// Completes onboarding: the account can receive transfers, and is paid out from the next midnight
/// on.
pub(super) fn onboard(state: &mut AccountState, id: &str, bank: Bank) -> Result<(), Refused> {
    if flag(find(state, id)?, "/closed") {
        return Err(Refused::conflict("account_closed", "The account is closed."));
    }
    state.banks.insert(id.to_owned(), bank);
    state.remind(day_end(state.now), id);
    require(state, id, &[]);
    set_capability(state, id, json!({ "status": "active", "status_details": [] }));
    Ok(())
}

/// Adds a requirement: the account cannot receive transfers until it is met.
pub(super) fn restrict(state: &mut AccountState, id: &str) -> Result<(), Refused> {
    find(state, id)?;
    require(state, id, &[IDENTITY]);
    set_capability(state, id, restricted());
    Ok(())
}

/// Closes the account.
pub(super) fn close(state: &mut AccountState, id: &str) -> Result<(), Refused> {
    if flag(find(state, id)?, "/closed") {
        return Err(Refused::conflict("account_closed", "The account is closed."));
    }
    set_capability(state, id, restricted());
    state.edit(id, |account| account["closed"] = true.into());
    tell(state, id, "v2.core.account.closed");
    Ok(())
}

/// A payout to the bank account failed: payouts stop until another bank account is entered.
pub(super) fn lose_bank(state: &mut AccountState, id: &str) {
    state.banks.remove(id);
    require(state, id, &[BANK_ACCOUNT]);
}

/// Whether an account exists and is not closed.
pub(super) fn is_open(state: &AccountState, id: &str) -> bool {
    find(state, id).is_ok_and(|account| !flag(account, "/closed"))
}

/// Whether an account can receive transfers.
pub(super) fn is_active(state: &AccountState, id: &str) -> bool {
    is_open(state, id)
        && find(state, id)
            .is_ok_and(|account| text(&value(account, TRANSFERS), "/status") == "active")
}

/// Checks that the account exists, for a control.
pub(super) fn known(state: &AccountState, id: &str) -> Result<(), Refused> {
    find(state, id).map(|_| ())
}

fn set_capability(state: &mut AccountState, id: &str, capability: Value) {
    let changed = state.edit(id, |account| set(account, TRANSFERS, capability));
    if !changed.is_empty() {
        tell(state, id, "v2.core.account[configuration.recipient].capability_status_updated");
    }
}

fn require(state: &mut AccountState, id: &str, what: &[&str]) {
    let changed = state.edit(id, |account| account["requirements"] = requirements(what));
    if !changed.is_empty() {
        tell(state, id, "v2.core.account[requirements].updated");
    }
}

fn tell(state: &mut AccountState, id: &str, kind: &str) {
    state.happened(kind, Form::Thin { account: id.to_owned() });
}

fn restricted() -> Value {
    json!({
        "status": "restricted",
        "status_details": [{ "code": "requirements_past_due", "resolution": "provide_info" }],
    })
}

fn requirements(what: &[&str]) -> Value {
    let deadline = json!({ "status": "currently_due" });
    let entry = |description: &&str| {
        json!({
            "awaiting_action_from": "user",
            "description": description,
            "errors": [],
            "impact": {
                "restricts_capabilities": [{
                    "capability": "stripe_balance.stripe_transfers",
                    "configuration": "recipient",
                    "deadline": deadline,
                }],
            },
            "minimum_deadline": deadline,
            "reference": null,
            "requested_reasons": [{ "code": "routine_onboarding" }],
        })
    };
    let entries: Vec<Value> = what.iter().map(entry).collect();
    let summary = (!entries.is_empty()).then(|| json!({ "minimum_deadline": deadline }));
    json!({ "entries": entries, "summary": summary })
}
