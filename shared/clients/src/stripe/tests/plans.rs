//! Plans: their checkouts, subscriptions and invoices.

use domain::{
    billing::{
        external::{StripeInvoiceId, SubscriptionId},
        invoice::{InvoiceStatus, Issue},
        subscription::SubscriptionStatus,
    },
    money::Currency,
};

use serde_json::{Value, json};

use super::{
    transport::{Reply, Server, error},
    *,
};

const DAY_S: i64 = 24 * 60 * 60;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[tokio::test]
async fn a_member_has_one_customer() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    assert_eq!(visit.customer().await, customer);
    assert_eq!(visit.happened("customer.created"), 1);
    assert_eq!(visit.stripe.user_of_customer(&customer).await.unwrap(), Some(member()));
    let unknown = CustomerId::parse("cus_unknown").unwrap();
    let error = visit.stripe.user_of_customer(&unknown).await.unwrap_err();
    assert_eq!(error, StripeError::Missing);
}

#[tokio::test]
async fn a_checkout_of_a_plan_is_one_page_however_often_it_is_asked_for() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let open = async |nth| {
        let checkout = checkout(nth, Plan::Pro);
        visit.stripe.open_plan_checkout(&member(), &customer, &checkout, &urls()).await.unwrap()
    };
    visit.spoil(Route::StripeCheckout, "POST", AnswerFault::BrokenConnection, 2);
    let page = open(1).await;
    assert_eq!(open(1).await, page);
    assert_ne!(open(2).await.session, page.session);
    assert_eq!(page.expires_at, checkout(1, Plan::Pro).expires_at);

    let session = visit.stripe.session(&page.session).await.unwrap();
    assert_eq!(session.status, SessionStatus::Open);
    assert_eq!((session.user, session.customer), (Some(member()), Some(customer.clone())));
    assert_eq!((session.order, session.payment, session.subscription), (None, None, None));
    assert_eq!(session.url.as_deref(), Some(page.url.as_str()));
}

#[tokio::test]
async fn a_checkout_is_closed_once_and_a_paid_one_stays_paid() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let checkout = checkout(1, Plan::Pro);
    let stripe = &visit.stripe;
    let page = stripe.open_plan_checkout(&member(), &customer, &checkout, &urls()).await.unwrap();
    for _ in 0..2 {
        let closed = stripe.expire_session(&page.session).await.unwrap();
        assert_eq!((closed.status, closed.url), (SessionStatus::Expired, None));
    }
    assert_eq!(visit.happened("checkout.session.expired"), 1);

    let order = order(1, Pack::Small, Via::Checkout);
    let paid = visit.bought(&customer, &order, Card::Succeeds).await;
    let kept = stripe.expire_session(&paid.id).await.unwrap();
    assert_eq!(kept.status, SessionStatus::Complete);
    let unknown = stripe.expire_session(&session_id("cs_test_unknown")).await;
    assert_eq!(unknown.unwrap_err(), StripeError::Missing);
}

#[tokio::test]
async fn a_paid_plan_is_a_subscription_with_a_paid_invoice() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let session = visit.subscribed(&customer, Plan::Pro, Card::Succeeds).await;
    assert_eq!(session.status, SessionStatus::Complete);
    let now = visit.stripe.subscription(&session.subscription.unwrap()).await.unwrap();
    assert_eq!((now.customer, now.user), (customer.clone(), Some(member())));
    let subscription = now.subscription.unwrap();
    assert_eq!(subscription.plan, Plan::Pro);
    assert_eq!(subscription.status, SubscriptionStatus::Active);
    assert_eq!(subscription.period.starts_at, at(BEGIN));
    assert_eq!(subscription.period.ends_at, at(BEGIN).plus_months(1));
    assert!(!subscription.cancel_at_period_end && subscription.ended_at.is_none());
    assert_eq!(subscription.monthly_cents, 2_900);

    let id = now.latest_invoice.unwrap();
    let invoice = visit.stripe.invoice(&id).await.unwrap();
    assert_eq!((&invoice.customer, &invoice.user), (&customer, &Some(member())));
    assert_eq!(invoice.subscription.as_ref(), Some(&subscription.id));
    assert_eq!(invoice.status, InvoiceStatus::Paid);
    assert_eq!((invoice.subtotal, invoice.tax, invoice.total), (2900, 0, 2900));
    assert_eq!((invoice.amount_paid, invoice.amount_due), (2900, 0));
    let line = &invoice.lines[0];
    assert_eq!((line.plan, line.amount, line.quantity), (Some(Plan::Pro), 2900, 1));
    assert_eq!(line.period, Some(subscription.period));
    assert!(invoice.hosted_url.is_some() && invoice.pdf_url.is_some() && invoice.number.is_some());

    let payment = invoice.payment.clone().unwrap();
    assert_eq!(visit.stripe.invoice_of_payment(&payment).await.unwrap(), Some(id.clone()));
    assert_eq!(visit.payment(&payment).await.order, None);
    let ours = invoice.of(member());
    assert_eq!((ours.currency, ours.period), (Currency::USD, Some(subscription.period)));
    assert_eq!(ours.id, invoice_id(ours.created_at, &id));
    let subscription = Some(subscription.id);
    assert_eq!(ours.issue, Issue::Subscription { invoice: id, subscription });
}

#[tokio::test]
async fn tax_is_separate_from_the_price() {
    let settings = Settings { tax_bps: 1900, ..Settings::default() };
    let visit = Visit::to(Catalogue::Seeded, Tax::Automatic, settings).await;
    let customer = visit.customer().await;
    let session = visit.subscribed(&customer, Plan::Pro, Card::Succeeds).await;
    let now = visit.stripe.subscription(&session.subscription.unwrap()).await.unwrap();
    let invoice = visit.stripe.invoice(&now.latest_invoice.unwrap()).await.unwrap();
    assert_eq!((invoice.subtotal, invoice.tax, invoice.total), (2900, 551, 3451));
}

#[tokio::test]
async fn a_renewal_is_stopped_and_resumed_and_a_subscription_is_cancelled() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let session = visit.subscribed(&customer, Plan::Enterprise, Card::Succeeds).await;
    let id = session.subscription.unwrap();
    let stripe = &visit.stripe;
    let stops = stripe.set_renewal(&id, Renewal::Stops, "wish-1").await.unwrap();
    assert!(stops.subscription.unwrap().cancel_at_period_end);
    let goes_on = stripe.set_renewal(&id, Renewal::GoesOn, "wish-2").await.unwrap();
    assert!(!goes_on.subscription.unwrap().cancel_at_period_end);
    for _ in 0..2 {
        stripe.cancel_now(&id).await.unwrap();
    }
    assert_eq!(visit.happened("customer.subscription.deleted"), 1);
    let over = stripe.subscription(&id).await.unwrap().subscription.unwrap();
    assert_eq!((over.status, over.ended_at), (SubscriptionStatus::Canceled, Some(at(BEGIN))));
    let error = stripe.set_renewal(&id, Renewal::Stops, "wish-3").await.unwrap_err();
    assert!(matches!(error, StripeError::Refused { .. }), "{error:?}");

    let unknown = SubscriptionId::parse("sub_unknown").unwrap();
    assert_eq!(stripe.subscription(&unknown).await.unwrap_err(), StripeError::Missing);
    assert_eq!(stripe.cancel_now(&unknown).await.unwrap_err(), StripeError::Missing);
}

#[tokio::test]
async fn a_renewal_that_is_not_paid_leaves_an_open_invoice() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let session = visit.subscribed(&customer, Plan::Pro, Card::DeclinesLater).await;
    let id = session.subscription.unwrap();
    let to = at(BEGIN).plus_months(1).as_secs() + DAY_S;
    visit.control().advance(sandbox::stripe::Advance::To(to)).unwrap();
    let now = visit.stripe.subscription(&id).await.unwrap();
    let subscription = now.subscription.unwrap();
    assert_eq!(subscription.status, SubscriptionStatus::PastDue);
    assert_eq!(subscription.period.starts_at, at(BEGIN).plus_months(1));
    let invoice = visit.stripe.invoice(&now.latest_invoice.unwrap()).await.unwrap();
    assert_eq!(invoice.status, InvoiceStatus::Open);
    assert_eq!((invoice.amount_paid, invoice.amount_due), (0, 2900));
    assert!(invoice.next_attempt_at.is_some() && invoice.attempts > 0);
}

/// A member subscribed to Pro, the subscription and its single item.
async fn subscriber() -> (Visit, SubscriptionId, String) {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let session = visit.subscribed(&customer, Plan::Pro, Card::Succeeds).await;
    let id = session.subscription.unwrap();
    let object = visit.control().object(id.as_str()).unwrap();
    let item = object["items"]["data"][0]["id"].as_str().unwrap().to_owned();
    (visit, id, item)
}

/// A changed subscription of the sandbox, and the prices that are fetched with it.
async fn subscription_with(changes: Value) -> (SubscriptionId, [Reply; 2]) {
    let (visit, id, _) = subscriber().await;
    let mut object = visit.control().object(id.as_str()).unwrap();
    object.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let prices = json!({"object": "list", "url": "/v1/prices", "has_more": false, "data": []});
    (id, [Reply::object(&object), Reply::object(&prices)])
}

#[tokio::test]
async fn an_unknown_status_counts_as_past_due() {
    let (id, replies) = subscription_with(json!({"status": "hibernating"})).await;
    let server = Server::replying(replies).await;
    let now = server.stripe.subscription(&id).await.unwrap().subscription.unwrap();
    assert_eq!((now.plan, now.status), (Plan::Pro, SubscriptionStatus::PastDue));
}

#[tokio::test]
async fn discounts_that_go_on_are_taken_off_what_it_is_worth() {
    use Lasts::{Forever, Months, Once};
    use Off::{Cents, Percent};
    const ITEM: bool = true;
    const WHOLE: bool = false;
    let check = async |discounts: &[(bool, Off, Lasts)], expected: i64| {
        let (visit, id, item) = subscriber().await;
        for (of_item, off, lasts) in discounts {
            let to = if *of_item { &item } else { id.as_str() };
            visit.control().discount(to, *off, *lasts).unwrap();
        }
        let now = visit.stripe.subscription(&id).await.unwrap();
        assert_eq!(now.subscription.as_ref().unwrap().monthly_cents, expected, "{discounts:?}");
        let listed = ListedSubscription { id: now.id.clone(), now: Ok(now) };
        assert_eq!(visit.stripe.subscriptions(None).await.unwrap().items, [listed]);
        let renewed = visit.stripe.set_renewal(&id, Renewal::Stops, "wish").await.unwrap();
        assert_eq!(renewed.subscription.unwrap().monthly_cents, expected, "{discounts:?}");
    };
    check(&[], 2_900).await;
    for to in [WHOLE, ITEM] {
        check(&[(to, Percent(20.0), Forever)], 2_320).await;
        check(&[(to, Percent(33.33), Months(3))], 1_934).await;
        check(&[(to, Percent(50.0), Once)], 2_900).await;
        check(&[(to, Percent(20.0), Forever), (to, Cents(100), Forever)], 2_220).await;
    }
    // The item's own discounts first, whatever the order given.
    check(&[(WHOLE, Percent(50.0), Forever), (ITEM, Cents(900), Forever)], 1_000).await;
    check(&[(WHOLE, Cents(900), Forever), (ITEM, Percent(50.0), Forever)], 550).await;
    check(&[(ITEM, Cents(5_000), Forever)], 0).await;
}

/// Stripe may list a discount after its end.
#[tokio::test]
async fn a_discount_that_was_over_before_the_period_is_not_taken_off() {
    let check = async |end: i64, expected: i64| {
        let discount = json!({
            "id": "di_1", "object": "discount", "start": BEGIN - DAY_S, "end": end,
            "source": { "type": "coupon", "coupon": {
                "id": "half", "object": "coupon", "created": BEGIN, "livemode": false,
                "times_redeemed": 1, "valid": true, "duration": "repeating", "percent_off": 50.0,
            } },
        });
        let (id, replies) = subscription_with(json!({ "discounts": [discount] })).await;
        let server = Server::replying(replies).await;
        let now = server.stripe.subscription(&id).await.unwrap().subscription.unwrap();
        assert_eq!(now.monthly_cents, expected, "{end}");
    };
    check(BEGIN + 1, 1_450).await;
    check(BEGIN, 2_900).await;
}

/// A lost response about the item is an error; a missing item has no discounts.
#[tokio::test]
async fn an_items_discounts_are_read_or_the_whole_is_not() {
    let (visit, id, item) = subscriber().await;
    visit.control().discount(&item, Off::Percent(50.0), Lasts::Forever).unwrap();
    let object = visit.control().object(id.as_str()).unwrap();
    let [_, prices] = subscription_with(json!({})).await.1;
    let read = async |last: Reply| {
        let server = Server::replying([Reply::object(&object), prices.clone(), last.clone()]).await;
        server.stripe.subscription(&id).await
    };
    let now = read(error(404, "resource_missing")).await.unwrap().subscription.unwrap();
    assert_eq!(now.monthly_cents, 2_900);
    let lost = read(error(500, "api_error")).await.unwrap_err();
    assert!(matches!(lost, StripeError::Unknown { .. }), "{lost:?}");

    visit.stripe.cancel_now(&id).await.unwrap();
    let over = visit.stripe.subscription(&id).await.unwrap().subscription.unwrap();
    assert_eq!(over.status, SubscriptionStatus::Canceled);
}

#[tokio::test]
async fn an_end_by_date_is_an_end_and_is_taken_back() {
    let ends_at = at(BEGIN).plus_months(1).as_secs();
    let (id, [stopped, prices]) = subscription_with(json!({"cancel_at": ends_at})).await;
    let (_, [going, _]) = subscription_with(json!({"cancel_at": null})).await;
    let server = Server::replying([stopped.clone(), prices.clone()]).await;
    let now = server.stripe.subscription(&id).await.unwrap().subscription.unwrap();
    assert!(now.cancel_at_period_end);

    let server = Server::replying([stopped, going, prices]).await;
    let now = server.stripe.set_renewal(&id, Renewal::GoesOn, "wish").await.unwrap();
    assert!(!now.subscription.unwrap().cancel_at_period_end);
    let seen = server.seen();
    let path = format!("POST /v1/subscriptions/{id}");
    assert_eq!((&seen[0].line, &seen[1].line), (&path, &path));
    let parameters = ["cancel_at_period_end=false", "cancel_at="];
    for (seen, expected) in seen.iter().zip(parameters) {
        assert!(seen.body.split('&').any(|part| part == expected), "{}", seen.body);
        assert!(seen.body.contains("discounts.source.coupon"), "{}", seen.body);
    }
    assert_ne!(seen[0].header("idempotency-key"), seen[1].header("idempotency-key"));
}

#[tokio::test]
async fn every_subscription_is_on_a_page() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    let session = visit.subscribed(&customer, Plan::Pro, Card::Succeeds).await;
    let id = session.subscription.unwrap();
    visit.stripe.cancel_now(&id).await.unwrap();
    let page = visit.stripe.subscriptions(None).await.unwrap();
    assert!(!page.more);
    let now = Ok(visit.stripe.subscription(&id).await.unwrap());
    assert_eq!(page.items, [ListedSubscription { id: id.clone(), now }]);
    let rest = visit.stripe.subscriptions(Some(&id)).await.unwrap();
    assert!(rest.items.is_empty() && !rest.more);
}

#[tokio::test]
async fn an_invoice_that_is_not_there_is_missing() {
    let visit = Visit::begin().await;
    let unknown = StripeInvoiceId::parse("in_unknown").unwrap();
    assert_eq!(visit.stripe.invoice(&unknown).await.unwrap_err(), StripeError::Missing);
}

#[test]
fn our_id_of_an_invoice_is_always_the_same_and_sorts_by_time() {
    let id = |created, name| invoice_id(at(created), &StripeInvoiceId::parse(name).unwrap());
    assert_eq!(id(BEGIN, "in_1"), id(BEGIN, "in_1"));
    assert_ne!(id(BEGIN, "in_1"), id(BEGIN, "in_2"));
    assert!(id(BEGIN, "in_1") < id(BEGIN + 1, "in_2"));
    let placed = order(1, Pack::Small, Via::Checkout);
    assert_eq!(receipt_id(&placed), receipt_id(&placed));
    assert_ne!(receipt_id(&placed), receipt_id(&order(2, Pack::Small, Via::Checkout)));
}

/// A change scheduled in the portal puts the subscription under a schedule: it is released first,
/// also when an interrupted call is repeated.
#[tokio::test]
async fn a_schedule_is_released_before_a_subscription_is_cancelled() {
    for died_after_release in [false, true] {
        let visit = Visit::begin().await;
        let customer = visit.customer().await;
        let session = visit.subscribed(&customer, Plan::Enterprise, Card::Succeeds).await;
        let id = session.subscription.unwrap();
        let pro = Plan::Pro.terms().lookup_key.unwrap();
        visit.control().plan_switch(id.as_str(), pro).unwrap();
        let schedule = visit.control().object(id.as_str()).unwrap()["schedule"].clone();
        let schedule = schedule.as_str().unwrap();
        if died_after_release {
            let refused = visit.stripe.change_renewal(&id, Renewal::Stops, "wish").await;
            assert!(matches!(refused, Err(StripeError::Refused { status: 400, .. })));
            visit.stripe.release(schedule).await.unwrap();
        }
        for key in ["wish", "wish", "again"] {
            let now = visit.stripe.set_renewal(&id, Renewal::Stops, key).await.unwrap();
            assert!(now.subscription.unwrap().cancel_at_period_end, "{key}");
        }
        let released = visit.control().object(schedule).unwrap();
        assert_eq!(released["status"], "released");
        visit.stripe.release(schedule).await.unwrap();
    }
}

#[tokio::test]
async fn a_customers_email_is_updated_and_a_customer_may_be_deleted() {
    let visit = Visit::begin().await;
    let customer = visit.customer().await;
    visit.stripe.update_customer(&customer, "new@prolight.test").await.unwrap();
    let now = visit.stripe.customer(&customer).await.unwrap().unwrap();
    assert_eq!(now.email.as_deref(), Some("new@prolight.test"));
    visit.control().delete_customer(customer.as_str()).unwrap();
    let unknown = CustomerId::parse("cus_unknown").unwrap();
    for gone in [&customer, &unknown] {
        assert_eq!(visit.stripe.customer(gone).await.unwrap(), None);
    }
    assert_eq!(visit.stripe.user_of_customer(&customer).await.unwrap(), None);
    let made = visit.stripe.create_customer(&member(), None, Some(&customer)).await.unwrap();
    assert_ne!(made, customer);
}
