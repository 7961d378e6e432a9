//! Webhooks, the payout schedule, and the customer portal.

use domain::plan::Plan;
use serde_json::{Value, json};

use super::{
    super::{
        PAGE_SIZE, api_version,
        portal_configuration::{self, MARK},
        webhook_event::{About, HANDLED, HANDLED_OF_ACCOUNTS, HANDLED_THIN},
    },
    StripeError,
    run::{Done, Row, Run, is_as, items, row, text},
};
use crate::secrets::Secret;

/// Destinations of thin events about creators' accounts.
const DESTINATIONS: &str = "/core/event_destinations";
const DESTINATION_URL: &str = "webhook_endpoint.url";
const DESTINATION_SECRET: &str = "webhook_endpoint.signing_secret";

/// The platform's balance is paid out to our bank only manually: Stripe's default empties it every
/// day, and leaves nothing to transfer to creators
/// (<https://docs.stripe.com/connect/separate-charges-and-transfers>,
/// <https://docs.stripe.com/api/balance-settings>).
pub(super) async fn payouts(run: &Run<'_>) -> Result<Row, StripeError> {
    const SETTINGS: &str = "/balance_settings";
    let wanted = json!({"payments": {"payouts": {"schedule": {"interval": "manual"}}}});
    let row =
        |done| Row { what: "payouts by hand".to_owned(), id: "-".to_owned(), done, secret: None };
    if is_as(&run.get(SETTINGS).await?, &wanted) {
        return Ok(row(Done::Found));
    }
    run.post(SETTINGS, &wanted).await?;
    Ok(row(Done::Changed))
}

/// The endpoint at `url` for our API version. One of another version is left beside it: functions
/// of that version use it until they are removed.
pub(super) async fn endpoint(run: &Run<'_>, url: &str) -> Result<Row, StripeError> {
    let form = json!({
        "url": url, "enabled_events": kinds(HANDLED), "api_version": api_version(),
    });
    register(run, format!("webhook endpoint {url}"), &form).await
}

/// The endpoint for objects of creators' accounts.
pub(super) async fn connect_endpoint(run: &Run<'_>, url: &str) -> Result<Row, StripeError> {
    let form = json!({
        "url": url, "enabled_events": kinds(HANDLED_OF_ACCOUNTS), "api_version": api_version(),
        "connect": true,
    });
    register(run, format!("connect webhook endpoint {url}"), &form).await
}

fn kinds(handled: &[(&'static str, About)]) -> Vec<&'static str> {
    handled.iter().map(|(kind, _)| *kind).collect()
}

async fn register(run: &Run<'_>, what: String, form: &Value) -> Result<Row, StripeError> {
    let query = json!({"limit": PAGE_SIZE});
    let endpoints = run.list("/webhook_endpoints", &query).await?;
    let types = &form["enabled_events"];
    let Some(present) = registered(&endpoints, text(form, "url")) else {
        let made = run.post("/webhook_endpoints", form).await?;
        let secret = secret_of(text(&made, "secret"));
        return Ok(Row { secret, ..row(what, &made, Done::Created) });
    };
    if is_as(present, &json!({"enabled_events": types, "status": "enabled"})) {
        return Ok(row(what, present, Done::Found));
    }
    let path = format!("/webhook_endpoints/{}", text(present, "id"));
    let changed = run.post(&path, &json!({"enabled_events": types, "disabled": false})).await?;
    Ok(row(what, &changed, Done::Changed))
}

/// The destination at `url` for events of creators' accounts: v2 objects have thin events only,
/// which go to an event destination
/// (<https://docs.stripe.com/api/v2/core/event-destinations/create>).
pub(super) async fn destination(run: &Run<'_>, url: &str) -> Result<Row, StripeError> {
    let what = format!("event destination {url}");
    let present = run.list_v2(DESTINATIONS, &[DESTINATION_URL]).await?;
    let ours = |it: &&Value| it["webhook_endpoint"]["url"] == url && it["event_payload"] == "thin";
    let Some(present) = present.iter().find(ours) else {
        let body = json!({
            "name": "ProLight creators' accounts",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": HANDLED_THIN,
            "events_from": ["@accounts"],
            "webhook_endpoint": {"url": url},
            "include": [DESTINATION_SECRET, DESTINATION_URL],
        });
        let made = run.post_v2(DESTINATIONS, &body).await?;
        let secret = secret_of(text(&made["webhook_endpoint"], "signing_secret"));
        return Ok(Row { secret, ..row(what, &made, Done::Created) });
    };
    let path = format!("{DESTINATIONS}/{}", text(present, "id"));
    let mut done = Done::Found;
    if !is_as(present, &json!({"enabled_events": HANDLED_THIN})) {
        run.post_v2(&path, &json!({"enabled_events": HANDLED_THIN})).await?;
        done = Done::Changed;
    }
    if text(present, "status") != "enabled" {
        run.post_v2(&format!("{path}/enable"), &json!({})).await?;
        done = Done::Changed;
    }
    Ok(row(what, present, done))
}

/// A secret, which is returned only on creation.
fn secret_of(told: &str) -> Option<Secret> {
    Some(told).filter(|told| !told.is_empty()).map(Secret::new)
}

fn registered<'a>(endpoints: &'a Value, url: &str) -> Option<&'a Value> {
    items(endpoints).iter().find(|endpoint| {
        text(endpoint, "url") == url && text(endpoint, "api_version") == api_version()
    })
}

/// The portal: card, invoices, cancellation and change of plan. An upgrade starts and is invoiced
/// immediately; a downgrade starts with the next period.
pub(super) async fn portal(run: &Run<'_>, return_url: &str) -> Result<Row, StripeError> {
    let what = "customer portal";
    let (name, value) = MARK;
    let wanted = json!({
        "default_return_url": return_url,
        "metadata": {name: value},
        "features": {
            "invoice_history": {"enabled": true},
            "payment_method_update": {"enabled": true},
            "subscription_cancel": {"enabled": true, "mode": "at_period_end"},
            "subscription_update": {
                "enabled": true,
                "default_allowed_updates": ["price"],
                "proration_behavior": "always_invoice",
                "products": plans(run).await?,
                "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
            },
        },
    });
    let Some(present) = portal_configuration::find(&run.stripe.transport).await? else {
        let made = run.post("/billing_portal/configurations", &wanted).await?;
        return Ok(row(what, &made, Done::Created));
    };
    if is_as(&present.rest, &without_mark(&wanted)) {
        return Ok(Row { id: present.id, ..row(what, &present.rest, Done::Found) });
    }
    let path = format!("/billing_portal/configurations/{}", present.id);
    Ok(row(what, &run.post(&path, &wanted).await?, Done::Changed))
}

/// The configuration was found by its mark, so the mark is not compared.
fn without_mark(wanted: &Value) -> Value {
    let mut rest = wanted.clone();
    if let Some(rest) = rest.as_object_mut() {
        rest.remove("metadata");
    }
    rest
}

async fn plans(run: &Run<'_>) -> Result<Vec<Value>, StripeError> {
    run.stripe.catalogue.forget().await;
    let prices = run.stripe.catalogue.prices(&run.stripe.transport).await?;
    let keys = Plan::ALL.into_iter().filter_map(|plan| plan.terms().lookup_key);
    keys.map(|key| Ok(json!({"product": key, "prices": [prices.id_of(key)?]}))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_another_version_is_not_ours() {
        let (url, version) = ("https://a.test/hook", api_version());
        let endpoint = |id, url, version| json!({"id": id, "url": url, "api_version": version});
        let others = [
            endpoint("we_1", url, "2026-03-25.dahlia"),
            json!({"id": "we_2", "url": url, "api_version": null}),
            endpoint("we_3", "https://b.test/hook", version),
        ];
        assert_eq!(registered(&json!({"data": others}), url), None);
        let ours = endpoint("we_4", url, version);
        let all = json!({"data": [others[0], others[1], others[2], ours]});
        assert_eq!(registered(&all, url), Some(&ours));
    }
}
