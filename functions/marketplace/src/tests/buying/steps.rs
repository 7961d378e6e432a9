//! The steps before a test's own: listings go on sale through the store, and purchases are paid as
//! the webhook writes them.

use domain::{
    billing::{
        external::PaymentId,
        payment::{Payment, PaymentState},
    },
    id::{ListingId, PurchaseId},
    marketplace::{Kind, listing::DelistedBy, listing::revision::Edit, purchase::Purchase},
};
use serde_json::{Value, json};
use store::Idempotency;
use testing::{Actor, Client, ClientRequest, TestApp, listings};

use super::{super::LISTINGS, PURCHASES};

/// A lighting preset of the creator's, on sale for `cents`.
pub(super) async fn on_sale(app: &TestApp, creator: &Actor, cents: u32) -> ListingId {
    on_sale_titled(app, creator, "Rembrandt", cents).await
}

pub(super) async fn on_sale_titled(
    app: &TestApp,
    creator: &Actor,
    title: &str,
    cents: u32,
) -> ListingId {
    let id = draft(app, creator, title, cents).await;
    publish(app, creator, &id).await;
    id
}

/// A draft of the creator's.
pub(super) async fn draft(app: &TestApp, creator: &Actor, title: &str, cents: u32) -> ListingId {
    let now = app.now();
    let content = (Kind::LightingPreset, listings::description(title, cents));
    let id = ListingId::new(now, app.ambient.entropy.next());
    listings::draft(&app.store, (&creator.id, id), content, now).await
}

/// Submits it with an image and a file, and approves it.
pub(super) async fn publish(app: &TestApp, creator: &Actor, id: &ListingId) {
    let now = app.now();
    listings::with_file(&app.store, &creator.id, id, now).await;
    listings::publish(&app.store, &creator.id, id, now).await;
}

/// The creator's next version, on sale as well.
pub(super) async fn next_version(app: &TestApp, creator: &Actor, id: &ListingId, edit: Edit) {
    let now = app.now();
    let edited = app.store.change_listing(&creator.id, id, now, |update| {
        let newest = update.newest.clone();
        update.listing.edit(newest, edit.clone(), now).map(|newest| update.newest = newest)
    });
    edited.await.unwrap();
    publish(app, creator, id).await;
}

/// The creator takes it off sale.
pub(super) async fn retire(app: &TestApp, creator: &Actor, id: &ListingId) {
    let now = app.now();
    let retired = app.store.change_listing(&creator.id, id, now, |update| {
        update.listing.delist(DelistedBy::Creator, None, now)
    });
    retired.await.unwrap();
}

/// The body of a purchase at a price in cents.
pub(super) fn order(listing: &ListingId, cents: u32) -> Value {
    json!({ "listing_id": listing, "expected_price": { "amount": cents, "currency": "usd" } })
}

/// A purchase at a price in cents.
pub(super) fn buy<'a>(
    buyer: &Client<'a>,
    key: &str,
    listing: &ListingId,
    cents: u32,
) -> ClientRequest<'a> {
    buyer.post(PURCHASES).key(key).json(order(listing, cents))
}

/// Buys a free listing.
pub(super) async fn buy_free(buyer: &Client<'_>, listing: &ListingId) -> PurchaseId {
    let key = format!("free-{}-{listing}", buyer.id);
    let answer = buy(buyer, &key, listing, 0).await;
    assert_eq!(answer.brief(), "201", "{}", answer.pretty());
    PurchaseId::parse(answer.json()["id"].as_str().unwrap()).unwrap()
}

/// A paid purchase, as the webhook writes it.
pub(super) async fn paid(
    app: &TestApp,
    buyer: &Actor,
    listing: &ListingId,
    card: &str,
) -> PurchaseId {
    let now = app.now();
    let page = app.store.listing_page(listing, now).await.unwrap();
    let price = page.listing.on_sale().unwrap().price;
    let id = PurchaseId::new(now, app.ambient.entropy.next());
    let key = Idempotency::new(format!("pay-{id}"), "0".repeat(64));
    let placed = app.store.place_purchase((&buyer.id, None), listing, &key, now, |offer| {
        Purchase::place(id.clone(), buyer.id.clone(), offer, price, None, now)
    });
    placed.await.unwrap();
    apply_payment(app, buyer, &id, |payment| payment.fingerprint = Some(card.to_owned())).await;
    id
}

/// Applies a payment, modified by `change`.
pub(super) async fn apply_payment(
    app: &TestApp,
    buyer: &Actor,
    id: &PurchaseId,
    change: impl Fn(&mut Payment),
) {
    let now = app.now();
    let (read, _) = app.store.purchase_of_event(&buyer.id, id, None).await.unwrap();
    let mut payment = Payment {
        id: PaymentId::parse(&format!("pi_{id}")).unwrap(),
        charge: None,
        customer: None,
        user: None,
        order: None,
        purchase: Some(id.clone()),
        fingerprint: None,
        state: PaymentState::Succeeded,
        amount: read.price,
        refunded: 0,
        withdrawn: 0,
        disputed: false,
        fees: 0,
    };
    change(&mut payment);
    let applied = app.store.apply_purchase(&read, None, now, |update| update.settle(&payment, now));
    applied.await.unwrap();
}

/// Places an order and pays it. Stripe is not there, so that the answer is 503, but the order is
/// written.
pub(super) async fn ordered(buyer: &Client<'_>, body: Value) -> PurchaseId {
    let key = body["listing_id"].as_str().unwrap().to_owned();
    let answer = buyer.post(PURCHASES).key(&key).json(body).await;
    assert_eq!(answer.status(), 503, "{}", answer.pretty());
    let listed = buyer.get(PURCHASES).await.json();
    let id = PurchaseId::parse(listed["items"][0]["id"].as_str().unwrap()).unwrap();
    apply_payment(buyer.app(), buyer, &id, |_| ()).await;
    id
}

/// A listing's stored totals: buyers, and reviews by stars.
pub(super) async fn sales_and_stars(app: &TestApp, listing: &ListingId) -> (u64, [u32; 5]) {
    let stats = app.store.stats(listing).await.unwrap().unwrap();
    (stats.sales, stats.histogram)
}

/// A member's code for a listing.
pub(super) async fn share_code(member: &Client<'_>, listing: &ListingId) -> String {
    let answer = member.post(format!("{LISTINGS}/{listing}/share")).await;
    assert_eq!(answer.status(), 201, "{}", answer.pretty());
    answer.json()["code"].as_str().unwrap().to_owned()
}
