//! Table usage of the marketplace's operations.

use std::collections::BTreeMap;

use domain::{
    billing::{external::EventId, payment::Payment},
    id::{ListingId, PurchaseId, ReviewId, UserId},
    marketplace::{
        Kind,
        community::review::Opinion,
        listing::{
            Listing,
            demo::{DemoSettings, KELVIN_MAX},
            revision::Description,
        },
        purchase::Purchase,
    },
    money::Money,
};
use store::{AppliedEvent, Idempotency, Store};

use super::{
    BenchFailed,
    given::{now, succeeded},
};
use crate::listings;

const PRICE: u32 = 900;

/// Walks through the life of a listing; `row` is called after each operation.
pub(super) async fn measure(
    store: &Store,
    mut row: impl FnMut(&'static str),
) -> Result<(), BenchFailed> {
    let creator = UserId::parse("user_creator").expect("an id");
    let buyer = UserId::parse("user_buyer").expect("an id");
    store.get_or_create_account(&creator, None, now()).await?;
    store.get_or_create_account(&buyer, None, now()).await?;
    row("");

    let id = create(store, &creator).await?;
    row("POST /marketplace/listings");
    listings::submit(store, &creator, &id, now()).await;
    row("POST .../submit with similarity search");
    listings::approve(store, &id, now()).await;
    row("POST /admin/.../approve");
    store.listing_page(&id, now()).await?;
    row("GET /marketplace/listings/{id}");
    store.note_views(BTreeMap::from([(id.clone(), (0..40).collect())]), now()).await?;
    row("flush of ten seconds of views");
    listings::add_views(store, now()).await;
    row("sum of the views of one listing");
    store.catalogue_changes(now()).await?;
    row("search index refresh");
    store.popular(None).await?;
    row("GET .../popular, at most every 10 s");

    let purchase = place(store, &buyer, &id).await?;
    row("POST /marketplace/purchases, Stripe aside");
    hear_of(store, &purchase, "evt_sale").await?;
    row("webhook of a paid purchase, settled");
    hear_of(store, &purchase, "evt_sale").await?;
    row("the same event again, purchase");
    let opinion = Opinion { rating: 5, comment: Some("Good.".to_owned()) };
    let review = ReviewId::new(now(), rand::random());
    store.write_review((&buyer, None), &id, (&review, &opinion), now()).await?;
    row("POST /marketplace/reviews");
    store.mark_downloaded(&purchase, now()).await?;
    row("POST .../downloads, the first time");
    store.creator_book(&creator).await?;
    store.whole_shelf(&creator).await?;
    row("GET /marketplace/creator/stats");
    Ok(())
}

/// A light on sale with a live demo.
pub(super) async fn on_show(store: &Store, creator: &UserId) -> ListingId {
    let demo = DemoSettings { kelvin_max: KELVIN_MAX, ..DemoSettings::default() };
    let description = Description { demo, ..listings::description("Rembrandt at Dusk", PRICE) };
    let id = ListingId::new(now(), rand::random());
    let kind = Kind::LightingPreset;
    let id = listings::draft(store, (creator, id), (kind, description), now()).await;
    listings::submit(store, creator, &id, now()).await;
    listings::approve(store, &id, now()).await;
    id
}

async fn create(store: &Store, creator: &UserId) -> Result<ListingId, BenchFailed> {
    let description = listings::description("Rembrandt at Dusk", PRICE);
    let id = ListingId::new(now(), rand::random());
    let key = key("listing");
    let made = store.create_listing((creator, None), Some(&key), now(), || {
        let kind = Kind::LightingPreset;
        Listing::create(id.clone(), creator.clone(), kind, description.clone(), now())
    });
    Ok(made.await?.listing.id)
}

async fn place(store: &Store, buyer: &UserId, id: &ListingId) -> Result<Purchase, BenchFailed> {
    let name = PurchaseId::new(now(), rand::random());
    let price = Money::usd_cents(i64::from(PRICE));
    let key = key("purchase");
    let placed = store.place_purchase((buyer, None), id, &key, now(), |offer| {
        Purchase::place(name.clone(), buyer.clone(), offer, price, None, now())
    });
    Ok(placed.await?)
}

async fn hear_of(store: &Store, purchase: &Purchase, event: &str) -> Result<(), BenchFailed> {
    let event = AppliedEvent {
        id: EventId::parse(event).expect("an id"),
        kind: "checkout.session.completed".to_owned(),
    };
    let (buyer, id) = (&purchase.buyer_id, &purchase.id);
    let (read, before) = store.purchase_of_event(buyer, id, Some(&event)).await?;
    if before {
        return Ok(());
    }
    let payment = succeeded("pi_2", purchase.price);
    let (purchase, fingerprint) = (Some(id.clone()), Some("card".to_owned()));
    let paid = Payment { purchase, fingerprint, ..payment };
    let kept =
        store.apply_purchase(&read, Some(&event), now(), |update| update.settle(&paid, now()));
    kept.await?;
    Ok(())
}

fn key(name: &str) -> Idempotency {
    Idempotency::new(name.to_owned(), "0".repeat(64))
}
