//! Kim on the marketplace: her listings, one pending moderation, and what she bought.

use clients::share::ShareLinks;
use domain::{
    Timestamp,
    id::{ListingId, PurchaseId, ReviewId, UploadId},
    marketplace::{
        Kind,
        community::review::Opinion,
        listing::{
            revision::Edit,
            upload::{Purpose, UPLOAD_OPEN, Upload, UploadRequest},
        },
        purchase::Purchase,
    },
    money::Money,
};
use store::{Idempotency, Store};
use testing::{Actor, TestApp, listings, valid::Subject};

/// Creates the data. Returns its ids.
pub(crate) async fn marketplace_data(app: &TestApp, kim: &Actor) -> [(Subject, String); 9] {
    let (store, now) = (&app.store, app.now());
    let (lena, ada) = (Actor::member("lena"), Actor::member("ada"));
    let bought = on_sale(store, &lena, "1", now).await;
    let offered = on_sale(store, &lena, "2", now).await;
    let own = on_sale(store, kim, "3", now).await;
    let pending = submitted(store, kim, "4", now).await;
    let content_hash = store.any_listing(&pending).await.unwrap().newest.content_hash();
    let purchase = taken(store, kim, &bought, now).await;
    taken(store, &ada, &own, now).await;
    let (review, opinion) = (ReviewId::new(now, 1), Opinion { rating: 5, comment: None });
    let said = (&review, &opinion);
    store.write_review((&ada.id, None), &own, said, now).await.unwrap();
    let edited = store.change_listing(&kim.id, &own, now, |update| {
        let edit = Edit { title: Some("A better light".to_owned()), ..Edit::default() };
        update.listing.edit(update.newest.clone(), edit, now).map(|newest| update.newest = newest)
    });
    edited.await.unwrap();
    // Nothing was sent through its form, which is closed by now: the listing can be submitted.
    let upload = upload(store, kim, &own, now.minus(UPLOAD_OPEN * 2)).await;
    let code = app.connect::<ShareLinks>().await.code(&kim.id, &offered);
    store.share_listing((&kim.id, None), &offered, &code, now).await.unwrap();
    [
        (Subject::Bought, bought.to_string()),
        (Subject::Offered, offered.to_string()),
        (Subject::Own, own.to_string()),
        (Subject::Pending, pending.to_string()),
        (Subject::ContentHash, content_hash),
        (Subject::Purchase, purchase.to_string()),
        (Subject::Review, review.to_string()),
        (Subject::Upload, upload.to_string()),
        (Subject::Share, code),
    ]
}

fn key(name: &str) -> Idempotency {
    Idempotency::new(name.to_owned(), "0".repeat(64))
}

async fn submitted(store: &Store, creator: &Actor, name: &str, now: Timestamp) -> ListingId {
    let id = ListingId::new(now, name.parse().unwrap());
    let description = listings::description(&format!("Light number {name}"), 0);
    let what = (Kind::LightingPreset, description);
    listings::draft(store, (&creator.id, id.clone()), what, now).await;
    listings::submit(store, &creator.id, &id, now).await;
    id
}

async fn on_sale(store: &Store, creator: &Actor, name: &str, now: Timestamp) -> ListingId {
    let id = submitted(store, creator, name, now).await;
    listings::approve(store, &id, now).await;
    id
}

async fn taken(store: &Store, buyer: &Actor, id: &ListingId, now: Timestamp) -> PurchaseId {
    let name = PurchaseId::new(now, buyer.id.as_str().bytes().map(u128::from).sum());
    let key = key(&format!("buy {id}"));
    let placed = store.place_purchase((&buyer.id, None), id, &key, now, |offer| {
        let price = Money::usd_cents(0);
        Purchase::place(name.clone(), buyer.id.clone(), offer, price, None, now)
    });
    placed.await.unwrap().id
}

async fn upload(store: &Store, creator: &Actor, id: &ListingId, now: Timestamp) -> UploadId {
    let request = UploadRequest {
        purpose: Purpose::Preview,
        content_type: "image/png".to_owned(),
        bytes: 1_000,
        file_name: None,
    };
    let name = UploadId::new(now, 7);
    let opened = store.open_upload(&creator.id, id, now, |listing| {
        let whose = (id.clone(), creator.id.clone(), Kind::LightingPreset);
        listing.begin_upload(now).unwrap();
        Upload::open(name.clone(), whose, request.clone(), now)
    });
    opened.await.unwrap().id
}
