//! Payout schedule of the platform's balance: every midnight (UTC), the default of a new account,
//! or manual (docs.stripe.com/api/balance-settings).

use serde_json::{Value, json};

use super::{
    Catalogue,
    account_state::AccountState,
    api::{Call, Endpoint},
    clock::day_end,
    errors::Refused,
    json::set,
    params::Rules,
    payouts,
};

/// Storage key of the settings; an account has one, without an id.
const ID: &str = "balance_settings";
const INTERVAL: &str = "/payments/payouts/schedule/interval";

const UPDATE: Rules = &["payments.payouts.schedule.interval: daily|manual"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("balance_settings", &[], get),
    Endpoint::post("balance_settings", &[UPDATE], update),
];

/// Settings of a new account. One with our catalogue has manual payouts.
pub(super) fn seed(state: &mut AccountState, catalogue: Catalogue) {
    let interval = match catalogue {
        Catalogue::Seeded => "manual",
        Catalogue::Empty => "daily",
    };
    state.objects.put(json!({
        "id": ID,
        "object": ID,
        "payments": {
            "debit_negative_balances": true,
            "payouts": {
                "minimum_balance_by_currency": null,
                "schedule": { "interval": interval },
                "statement_descriptor": null,
                "status": "enabled",
            },
            "settlement_timing": { "delay_days": 2 },
        },
    }));
    state.remind(day_end(state.now), ID);
}

/// End of a day on the platform: pays the balance out to the bank, unless payouts are manual.
pub(super) fn end_day(state: &mut AccountState) {
    state.remind(day_end(state.now), ID);
    payouts::reach_platform(state);
    if state.text(ID, INTERVAL) == "daily" {
        payouts::pay_platform(state);
    }
}

fn get(state: &mut AccountState, _call: &Call) -> Result<Value, Refused> {
    let mut settings = state.objects.find(ID, ID)?.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("id");
    }
    Ok(settings)
}

fn update(state: &mut AccountState, call: &Call) -> Result<Value, Refused> {
    if let Some(interval) = call.text("payments.payouts.schedule.interval") {
        state.change(ID, "balance_settings.updated", |settings| set(settings, INTERVAL, interval));
    }
    get(state, call)
}
