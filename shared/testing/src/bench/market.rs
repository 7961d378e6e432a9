//! What the marketplace's operations ask of the table.

use std::collections::BTreeMap;

use domain::{
    billing::{
        external::{EventId, PaymentId},
        payment::{Payment, PaymentState},
    },
    id::{ListingId, PurchaseId, ReviewId, UploadId, UserId},
    lighting::LightingRig,
    marketplace::{
        Category, Kind,
        content::Content,
        demo::DemoSettings,
        lint::Signature,
        listing::{Listing, ListingRefused},
        purchase::Purchase,
        review::Opinion,
        revision::Description,
        upload::Preview,
    },
    money::Money,
};
use store::{AppliedEvent, Idempotency, Store};

use super::{BenchFailed, function::now};

const PRICE: u32 = 900;

/// Goes through the life of a listing; `row` is told after each operation.
pub(super) async fn measure(
    store: &Store,
    mut row: impl FnMut(&'static str),
) -> Result<(), BenchFailed> {
    let creator = UserId::parse("user_creator").expect("an id");
    let buyer = UserId::parse("user_buyer").expect("an id");
    store.visit(&creator, None, now()).await?;
    store.visit(&buyer, None, now()).await?;
    row("");

    let id = create(store, &creator).await?;
    row("POST /marketplace/listings");
    submit(store, &creator, &id).await?;
    row("POST .../submit, near-duplicates looked up");
    approve(store, &id).await?;
    row("POST /admin/.../approve");
    store.listing_page(&id, now()).await?;
    row("GET /marketplace/listings/{id}");
    store.note_views(BTreeMap::from([(id.clone(), 40)]), now()).await?;
    row("views of ten seconds, however many");
    store.add_views(now()).await?;
    row("views are added up, one listing");
    store.catalogue_changes(now()).await?;
    row("a search asks what changed");
    store.popular(None).await?;
    row("GET .../popular, at most every 10 s");

    let purchase = place(store, &buyer, &id).await?;
    row("POST /marketplace/purchases, Stripe aside");
    hear_of(store, &purchase, "evt_1").await?;
    row("a paid purchase is heard of and settled");
    hear_of(store, &purchase, "evt_1").await?;
    row("the same event of it again");
    let opinion = Opinion { rating: 5, comment: Some("Good.".to_owned()) };
    let review = ReviewId::new(now(), rand::random());
    store.write_review((&buyer, None), &id, (&review, &opinion), now()).await?;
    row("POST /marketplace/reviews");
    store.mark_downloaded(&purchase, now()).await?;
    row("GET .../download, the first time");
    store.creator_book(&creator).await?;
    store.whole_shelf(&creator).await?;
    row("GET /marketplace/creator/stats");
    Ok(())
}

async fn create(store: &Store, creator: &UserId) -> Result<ListingId, BenchFailed> {
    let description = Description {
        title: "Rembrandt at Dusk".to_owned(),
        description: "One warm key, a whisper of fill, a cool rim.".to_owned(),
        category: Category::Portrait,
        tags: vec!["moody".to_owned(), "low-key".to_owned()],
        price: PRICE,
        attribution: None,
        demo: DemoSettings::default(),
        content: Content { lighting: Some(LightingRig::rembrandt()), ..Content::default() },
    };
    let id = ListingId::new(now(), rand::random());
    let key = key("listing");
    let made = store.create_listing((creator, None), Some(&key), now(), || {
        let kind = Kind::LightingPreset;
        Listing::create(id.clone(), creator.clone(), kind, description.clone(), now())
    });
    Ok(made.await?.listing.id)
}

async fn submit(store: &Store, creator: &UserId, id: &ListingId) -> Result<(), BenchFailed> {
    let preview = Preview { upload_id: UploadId::new(now(), 1), width: 1_200, height: 900 };
    let submitted = store.change_listing(creator, id, now(), async |shelf| {
        let signature = Signature::of(shelf.listing.kind, &shelf.newest.description.content);
        let near = store.similar_listings(id, shelf.listing.kind, &signature).await;
        shelf.newest.similar = near.unwrap_or_default();
        shelf.newest.signature = Some(signature);
        shelf.newest.add_preview(preview.clone());
        shelf.listing.submit(&shelf.newest, now())
    });
    submitted.await?;
    Ok(())
}

async fn approve(store: &Store, id: &ListingId) -> Result<(), BenchFailed> {
    let approved = store.judge_listing(id, now(), |shelf| {
        shelf.listing.approve(&mut shelf.newest, now())?;
        Ok::<(), ListingRefused>(())
    });
    approved.await?;
    Ok(())
}

async fn place(store: &Store, buyer: &UserId, id: &ListingId) -> Result<Purchase, BenchFailed> {
    let name = PurchaseId::new(now(), rand::random());
    let price = Money::usd_cents(i64::from(PRICE));
    let key = key("purchase");
    let placed = store.place_purchase((buyer, None), id, &key, now(), |offer| {
        Purchase::place(name.clone(), buyer.clone(), offer, price, None, now())
    });
    Ok(placed.await?.purchase)
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
    let paid = Payment {
        id: PaymentId::parse("pi_2").expect("an id"),
        charge: None,
        customer: None,
        user: None,
        order: None,
        purchase: Some(id.clone()),
        fingerprint: Some("card".to_owned()),
        state: PaymentState::Succeeded,
        amount: purchase.price,
        refunded: 0,
        withdrawn: 0,
        disputed: false,
    };
    let kept = store.keep_deal(&read, Some(&event), now(), |deal| deal.settle(&paid, now()));
    kept.await?;
    Ok(())
}

fn key(name: &str) -> Idempotency {
    Idempotency { key: name.to_owned(), fingerprint: "0".repeat(64) }
}
