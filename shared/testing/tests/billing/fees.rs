//! Stripe's processing fee of a payment: known some time after the payment, and booked once.

use std::time::Duration;

use domain::time::DAY;
use sandbox::stripe::{Advance, Card};
use serde_json::{Value, json};
use testing::Actor;

use crate::{
    billing_app::{BillingApp, kind_of},
    marketplace::Marketplace,
    paid_sale::PRICE,
};

/// Kinds of payments, and Stripe's fee for each: 2.9 % and 30 cents.
const PAYMENTS: [(&str, i64); 4] = [("pack", 45), ("plan", 114), ("top-up", 45), ("purchase", 88)];

/// A member pays and the events are delivered; the charge is not in Stripe's balance yet.
async fn pay(app: &BillingApp, ann: &Actor, what: &str) {
    match what {
        "pack" | "plan" => {
            let order =
                if what == "pack" { json!({"pack": "pack_50"}) } else { json!({"plan": "pro"}) };
            let url = app.checkout(ann, order).await;
            app.pay(&url, Card::Succeeds);
        }
        "top-up" => {
            // Creates the customer with the saved card.
            let url = app.checkout(ann, json!({"pack": "pack_50"})).await;
            let customer = app.billing(ann).await.customer.unwrap();
            app.stripe().set_card(customer.as_str(), Card::Succeeds).unwrap();
            app.stripe().expire(crate::billing_app::session_of(&url)).unwrap();
            let settings =
                json!({"enabled": true, "pack": "pack_50", "below": 20, "monthly_max": 1});
            assert_eq!(app.top_up(ann, settings).await.status(), 200);
            assert_eq!(app.relay_top_ups().await, 1);
        }
        _ => {
            let market = Marketplace::new(app);
            let listing = market.on_sale(&app.new_member("kim"), PRICE).await;
            let url = market.checkout(ann, &listing, PRICE, None).await;
            app.pay(&url, Card::Succeeds);
        }
    }
    app.deliver_events_before_booking().await;
}

/// Processing fees booked in orders, in invoices, or in the journal of a sale.
fn booked(app: &BillingApp) -> i64 {
    let number = |value: &Value| value["N"].as_str().map_or(0, |text| text.parse().unwrap());
    let items = app.engine.dump().into_iter();
    let sums = items.map(|item| match item["role"]["S"].as_str() {
        Some("processor_fee") => number(&item["amount"]),
        Some(_) => 0,
        None if item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("INVOICE#")) => {
            // A pack's receipt repeats the fee of its order.
            if item["fees"].is_null() { 0 } else { number(&item["fees"]) }
        }
        None => number(&item["fees"]),
    });
    sums.sum()
}

#[tokio::test]
async fn the_fee_of_stripe_is_booked_once_it_is_known() {
    for (what, fee) in PAYMENTS {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        pay(&app, &ann, what).await;
        assert_eq!(booked(&app), 0, "{what}");
        // An hour later at the latest.
        let now = app.now().plus(Duration::from_secs(3_600));
        app.stripe().advance(Advance::To(now.as_secs())).unwrap();
        let events = app.events();
        let kinds: Vec<String> = events.iter().map(|event| kind_of(event)).collect();
        assert_eq!(kinds, ["charge.updated"], "{what}");
        for _ in 0..2 {
            assert_eq!(app.deliver(&events[0]).await, 200, "{what}");
            assert_eq!(booked(&app), fee, "{what}");
        }
        app.close().await;
    }
}

/// No event reports the fee: the nightly run finds it among Stripe's events.
#[tokio::test]
async fn the_fee_of_stripe_is_found_by_the_nightly_run() {
    for (what, fee) in PAYMENTS {
        let app = BillingApp::new().await;
        let ann = app.new_member("ann");
        pay(&app, &ann, what).await;
        app.ambient.clock.advance(DAY);
        app.stripe().advance(Advance::To(app.now().as_secs())).unwrap();
        app.reconcile().await.unwrap();
        assert_eq!(booked(&app), fee, "{what}");
        app.close().await;
    }
}
