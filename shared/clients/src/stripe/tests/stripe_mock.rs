//! Our requests against `stripe-mock`, Stripe's own stand-in, which holds each to the published
//! description of the API and answers with sample objects: so what is looked at is that a request
//! is accepted and its answer can be read. `scripts/conformance` starts it and says where it is.

use domain::billing::external::{ChargeId, EventId, StripeInvoiceId, SubscriptionId};
use serde_json::{Value, json};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::*;
use crate::stripe::catalogue::lookup_keys;

/// Where stripe-mock listens, for example `http://127.0.0.1:12111`.
fn base() -> String {
    #[expect(clippy::disallowed_methods, reason = "the script that starts stripe-mock says where")]
    std::env::var("STRIPE_MOCK_URL").expect("STRIPE_MOCK_URL: run scripts/conformance")
}

/// stripe-mock's sample prices have no lookup key, so ours are named here.
async fn stripe() -> Stripe {
    let stripe = client(&base(), Tax::Automatic);
    stripe.catalogue.assume(lookup_keys()).await;
    stripe
}

/// A refusal of the request is a failure. An answer whose sample object is not one of ours (a
/// session without a page, an invoice without a customer) is not.
fn accepted<T: std::fmt::Debug>(what: &str, answer: Result<T, StripeError>) {
    match answer {
        Ok(_) => {}
        Err(StripeError::Unknown { detail })
            if detail.0.contains("has no URL") || detail.0.contains("has no customer") => {}
        Err(error) => panic!("{what}: {error:?}"),
    }
}

#[tokio::test]
async fn every_request_is_as_stripe_describes_it() {
    let stripe = stripe().await;
    let customer = CustomerId::parse("cus_1").unwrap();
    let session = session_id("cs_test_1");
    let payment = PaymentId::parse("pi_1").unwrap();
    let subscription = SubscriptionId::parse("sub_1").unwrap();
    let invoice = StripeInvoiceId::parse("in_1").unwrap();
    let event = EventId::parse("evt_1").unwrap();
    let pack = order(1, Pack::Small, Via::Checkout);
    let plan = checkout(1, Plan::Pro);

    accepted("customer", stripe.create_customer(&member(), Some("a@b.test"), None).await);
    accepted("user of", stripe.user_of_customer(&customer).await);
    accepted(
        "plan checkout",
        stripe.open_plan_checkout(&member(), &customer, &plan, &urls()).await,
    );
    accepted("pack checkout", stripe.open_pack_checkout(&pack, &customer, &urls()).await);
    let listing = purchase(1, 1200);
    accepted("listing", stripe.open_purchase_checkout(&listing, &customer, &urls()).await);
    accepted("session", stripe.session(&session).await);
    accepted("expire", stripe.expire_session(&session).await);
    accepted("portal", stripe.open_portal(&customer, "https://prolight.test").await);
    accepted("subscription", stripe.subscription(&subscription).await);
    accepted("stop", stripe.set_renewal(&subscription, Renewal::Stops, "k").await);
    accepted("go on", stripe.set_renewal(&subscription, Renewal::GoesOn, "k").await);
    accepted("cancel", stripe.cancel_now(&subscription).await);
    accepted("subscriptions", stripe.subscriptions(Some(&subscription)).await);
    accepted("invoice", stripe.invoice(&invoice).await);
    accepted("invoice of", stripe.invoice_of_payment(&payment).await);
    accepted("payment", stripe.payment(&payment).await);
    let charge = ChargeId::parse("ch_1").unwrap();
    accepted("payment of", stripe.payment_of_charge(&charge).await);
    accepted("top-up", stripe.charge_saved_card(&pack, &customer).await);
    accepted("refund", stripe.refund(&payment, "k").await);
    accepted("events", stripe.events(Timestamp::from_secs(BEGIN), Some(&event)).await);
}

/// What stands behind a condition in the client, so that no sample object leads to it.
#[tokio::test]
async fn the_requests_that_are_seldom_made_are_accepted_too() {
    let stripe = stripe().await;
    let get = async |path: &str, query: Value| {
        let request = RequestBuilder::new(StripeMethod::Get, path).query(&query);
        accepted(path, stripe.transport.json::<Value>("x", &request, None).await);
    };
    get("/disputes", json!({"charge": "ch_1", "limit": 100})).await;
    get("/invoices/in_1/lines", json!({"limit": 50})).await;
    get("/subscriptions", json!({"customer": "cus_1", "limit": 100})).await;
    get("/customers/cus_1/payment_methods", json!({"type": "card", "limit": 100})).await;
    get("/prices", json!({"lookup_keys": lookup_keys(), "active": true, "limit": 100})).await;
    let wanted = setup::Wanted {
        webhook_url: Some("https://prolight.test/webhooks/stripe".into()),
        // It plays v1 only.
        connect_webhook_url: None,
        return_url: Some("https://prolight.test/billing".into()),
        run: 1,
    };
    // The sample prices are not ours, so setting up ends where it looks them up again.
    match setup::set_up(&stripe, &wanted).await {
        Ok(_) => {}
        Err(StripeError::Unreached { detail }) if detail.0.contains("lookup key") => {}
        Err(error) => panic!("{error:?}"),
    }
}
