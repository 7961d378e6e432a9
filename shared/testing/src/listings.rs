//! Listings that are there before a test begins: what a creator and a moderator do, done at once.

use domain::{
    Timestamp,
    account::Role,
    audit::{self, Action, AuditEntry, Target, TargetKind},
    id::{ListingId, PurchaseId, UploadId, UserId},
    lighting::LightingRig,
    marketplace::{
        Category, Kind,
        archive::ArchivedFile,
        content::Content,
        demo::DemoSettings,
        flag::{Decision, FlagReason},
        listing::Listing,
        purchase::Purchase,
        revision::Description,
        similarity::Signature,
        upload::{Asset, AssetKind, Preview},
    },
    money::Money,
};
use store::{Idempotency, Store, StoreError};

use crate::Actor;

/// A light for portraits at so many cents.
pub fn description(title: &str, cents: u32) -> Description {
    Description {
        title: title.to_owned(),
        description: "One warm key,\n\na whisper of fill.".to_owned(),
        category: Category::Portrait,
        tags: vec!["moody".to_owned()],
        price: cents,
        attribution: Some("Light by Lena".to_owned()),
        demo: DemoSettings::default(),
        content: Content { lighting: Some(LightingRig::rembrandt()), ..Content::default() },
    }
}

/// A draft.
pub async fn draft(
    store: &Store,
    (creator, id): (&UserId, ListingId),
    (kind, description): (Kind, Description),
    now: Timestamp,
) -> ListingId {
    let made = store.create_listing((creator, None), None, now, || {
        Listing::create(id.clone(), creator.clone(), kind, description.clone(), now)
    });
    made.await.unwrap().listing.id
}

/// A draft with a file for those who buy it.
pub async fn with_file(store: &Store, creator: &UserId, id: &ListingId, now: Timestamp) {
    let asset = Asset {
        upload_id: UploadId::new(now, 2),
        file_name: "luts.zip".to_owned(),
        bytes: 5,
        sha256: "5e".repeat(32),
        kind: Some(AssetKind::Zip),
        files: vec![ArchivedFile { path: "warm.cube".to_owned(), bytes: 9 }],
    };
    let changed = store.change_listing(creator, id, now, async |shelf| {
        shelf.newest.add_asset(asset.clone());
        Ok::<(), StoreError>(())
    });
    changed.await.unwrap();
}

/// A version with a picture, handed in as the endpoint does it.
pub async fn submit(store: &Store, creator: &UserId, id: &ListingId, now: Timestamp) {
    let upload_id = UploadId::new(now, 1);
    let preview = Preview { upload_id, width: 1_200, height: 800, drawn: false };
    let submitted = store.change_listing(creator, id, now, async |shelf| {
        shelf.newest.add_preview(preview.clone());
        store.read_model(shelf).await?;
        shelf.listing.submit(&shelf.newest, &shelf.model, now).map_err(StoreError::refused)?;
        let signature = Signature::of(shelf.listing.kind, &shelf.newest.description.content);
        shelf.newest.similar = store.similar_listings(id, shelf.listing.kind, &signature).await?;
        shelf.newest.signature = Some(signature);
        Ok::<(), StoreError>(())
    });
    submitted.await.unwrap();
}

/// A version that waits, approved.
pub async fn approve(store: &Store, id: &ListingId, now: Timestamp) {
    let deed = judged(Action::ApproveListing, id);
    let approved = store.moderate_listing(&deed, id, now, async |shelf| {
        store.read_model(shelf).await?;
        let approved = shelf.listing.approve(&mut shelf.newest, &mut shelf.model, now);
        approved.map_err(StoreError::refused)
    });
    approved.await.unwrap();
}

/// What a moderator does to a listing.
pub fn judged(action: Action, id: &ListingId) -> AuditEntry {
    let actor = audit::Actor::Staff { user_id: Actor::moderator().id, role: Role::Moderator };
    AuditEntry::new(actor, action, Target::of(TargetKind::Listing, id))
}

/// A version handed in and approved.
pub async fn publish(store: &Store, creator: &UserId, id: &ListingId, now: Timestamp) {
    submit(store, creator, id, now).await;
    approve(store, id, now).await;
}

/// A free listing on sale, taken by a member.
pub async fn taken(store: &Store, buyer: &UserId, id: &ListingId, now: Timestamp) {
    let name = PurchaseId::new(now, 1);
    let key = Idempotency { key: format!("take {id}"), fingerprint: "0".repeat(64) };
    let placed = store.place_purchase((buyer, None), id, &key, now, |offer| {
        Purchase::place(name.clone(), buyer.clone(), offer, Money::usd_cents(0), None, now)
    });
    placed.await.unwrap();
}

/// A strike on the creator of a listing on sale, after three members reported it.
pub async fn strike(store: &Store, id: &ListingId, now: Timestamp) {
    for name in ["ida", "ian", "ike"] {
        let member = Actor::member(name).id;
        store.flag_listing((&member, None), id, FlagReason::Copied, now).await.unwrap();
    }
    let deed = judged(Action::Strike, id);
    let struck =
        store.resolve_flags((&deed, id), (Decision::Strike, "Copied."), 3, now).await.unwrap();
    store.sync_visibility(&struck.listing.creator_id, now).await.unwrap();
}
