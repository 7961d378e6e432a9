//! Ready-made listings: the steps of a creator and a moderator in one call.

use std::time::Duration;

use domain::{
    Timestamp,
    account::Role,
    audit::{self, Action, AuditEntry, Target, TargetKind},
    id::{ListingId, PurchaseId, UploadId, UserId},
    lighting::LightingRig,
    marketplace::{
        Category, Kind,
        listing::{
            Listing,
            archive::ArchivedFile,
            card::{Entry, SHARDS},
            content::Content,
            demo::DemoSettings,
            revision::Description,
            upload::{Asset, AssetKind, Preview},
        },
        moderation::flag::{Decision, FlagReason, FlagSubject},
        purchase::Purchase,
    },
    money::Money,
};
use store::{Idempotency, NewFlag, Store};

use crate::Actor;

/// What the search index has of each listing on sale.
pub async fn on_sale(store: &Store) -> Vec<Entry> {
    let mut entries = Vec::new();
    for shard in 0..SHARDS {
        entries.extend(store.on_sale(shard).await.unwrap().items);
    }
    entries
}

/// A portrait light priced at `cents`.
pub fn description(title: &str, cents: u32) -> Description {
    Description {
        title: title.to_owned(),
        description: "One warm key,\n\na whisper of fill.".to_owned(),
        category: Category::Portrait,
        tags: vec!["moody".to_owned()],
        price: cents,
        attribution: Some("Light by Lena".to_owned()),
        changes: None,
        demo: DemoSettings::default(),
        content: Content { lighting: Some(LightingRig::rembrandt()), ..Content::default() },
    }
}

/// Creates a draft.
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

/// A draft with a downloadable file.
pub async fn with_file(store: &Store, creator: &UserId, id: &ListingId, now: Timestamp) {
    let asset = Asset {
        upload_id: UploadId::new(now, 2),
        file_name: "luts.zip".to_owned(),
        bytes: 5,
        sha256: "5e".repeat(32),
        kind: Some(AssetKind::Zip),
        files: vec![ArchivedFile { path: "warm.cube".to_owned(), bytes: 9 }],
    };
    let changed = store.change_listing(creator, id, now, |update| {
        update.newest.add_asset(asset.clone());
    });
    changed.await.unwrap();
}

/// Submits a version with a picture, as the endpoint does, and prepares it, as the worker does.
pub async fn submit(store: &Store, creator: &UserId, id: &ListingId, now: Timestamp) {
    let upload_id = UploadId::new(now, 1);
    let preview = Preview { upload_id, width: 1_200, height: 800, drawn: false };
    let submitted = store.submit_listing(creator, id, now, |update| {
        update.newest.add_preview(preview.clone());
        update.listing.submit(&update.newest, &update.model, preview.upload_id.clone(), now)
    });
    submitted.await.unwrap();
    prepare(store, id, now).await;
}

/// Ends the preparation of a submitted version, with a picture if it has none.
pub async fn prepare(store: &Store, id: &ListingId, now: Timestamp) {
    let ended = store.end_preparation(id, now, |update| {
        let (_, name) = update.listing.preparing().expect("a submission");
        let name = name.clone();
        let (upload_id, width, height) = (name.clone(), 1_200, 800);
        let drawn = Preview { upload_id, width, height, drawn: true };
        update.listing.prepared(&name, (&mut update.newest, Some(drawn)), &update.model, now)
    });
    ended.await.unwrap();
}

/// Approves the pending version.
pub async fn approve(store: &Store, id: &ListingId, now: Timestamp) {
    let entry = judged(Action::ApproveListing, id);
    let approved = store.approve_listing(&entry, id, now, |update| {
        update.listing.approve(&mut update.newest, &mut update.model, now)
    });
    approved.await.unwrap();
}

/// The audit entry of a moderator's action on a listing.
pub fn judged(action: Action, id: &ListingId) -> AuditEntry {
    let actor = audit::Actor::Staff { user_id: Actor::moderator().id, role: Role::Moderator };
    AuditEntry::new(actor, action, Target::of(TargetKind::Listing, id))
}

/// Submits and approves a version.
pub async fn publish(store: &Store, creator: &UserId, id: &ListingId, now: Timestamp) {
    submit(store, creator, id, now).await;
    approve(store, id, now).await;
}

/// Adds up the views that were noted until now, as `background-rank-popular` does once no other can
/// arrive. Returns how many count.
pub async fn add_views(store: &Store, now: Timestamp) -> u64 {
    let now = now.plus(Duration::from_secs(120));
    let mut views = 0;
    let mut after: Option<String> = None;
    loop {
        let mut waiting = store.waiting_views(now, after.as_deref()).await.unwrap();
        assert!(waiting.unreadable.is_empty(), "{:?}", waiting.unreadable);
        while !waiting.is_added() {
            let added = store.add_views(&mut waiting).await.unwrap();
            assert!(added.failed.is_empty(), "{:?}", added.failed);
            views += added.views;
        }
        after = store.remove_views(waiting, now).await.unwrap();
        if after.is_none() {
            return views;
        }
    }
}

/// A member gets a free listing.
pub async fn taken(store: &Store, buyer: &UserId, id: &ListingId, now: Timestamp) {
    let name = PurchaseId::new(now, 1);
    let key = Idempotency::new(format!("take {id}"), "0".repeat(64));
    let placed = store.place_purchase((buyer, None), id, &key, now, |offer| {
        Purchase::place(name.clone(), buyer.clone(), offer, Money::usd_cents(0), None, now)
    });
    placed.await.unwrap();
}

/// A strike against the creator of a listing on sale, after three reports. Their other listings
/// follow.
pub async fn strike(store: &Store, id: &ListingId, now: Timestamp) {
    let creator = strike_alone(store, id, now).await;
    store.sync_visibility(&creator, now).await.unwrap();
}

/// The same before other listings follow. Returns the creator.
pub async fn strike_alone(store: &Store, id: &ListingId, now: Timestamp) -> UserId {
    for name in ["ida", "ian", "ike"] {
        let member = Actor::member(name).id;
        let new =
            NewFlag { subject: FlagSubject::listing(id), reason: FlagReason::Copied, text: None };
        store.add_flag((&member, None), id, &new, now).await.unwrap();
    }
    let entry = judged(Action::Strike, id);
    let struck =
        store.resolve_flags((&entry, id), (Decision::Strike, "Copied."), 3, now).await.unwrap();
    struck.listing.creator_id
}
