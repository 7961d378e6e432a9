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
use serde_json::json;
use store::{Idempotency, Store};
use testing::{Actor, TestApp, TestRequest, listings};

/// Ids of the marketplace data.
#[derive(Debug)]
pub(crate) struct MarketplaceData {
    /// Lena's, on sale and free; Kim owns it.
    bought: String,
    /// Lena's, on sale and free; not owned by any member.
    offered: String,
    /// Kim's, on sale, with a draft of its next version.
    own: String,
    /// Kim's, pending moderation.
    pending: String,
    /// Content hash that the moderator sees of the pending version.
    content_hash: String,
    purchase: String,
    /// Ada's review of Kim's listing.
    review: String,
    upload: String,
    code: String,
}

impl MarketplaceData {
    pub(crate) async fn of(app: &TestApp, kim: &Actor) -> MarketplaceData {
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
        let edited = store.change_listing(&kim.id, &own, now, |shelf| {
            let edit = Edit { title: Some("A better light".to_owned()), ..Edit::default() };
            shelf.listing.edit(shelf.newest.clone(), edit, now).map(|newest| shelf.newest = newest)
        });
        edited.await.unwrap();
        // Nothing was sent through its form, which is closed by now: the listing can be submitted.
        let upload = upload(store, kim, &own, now.minus(UPLOAD_OPEN * 2)).await;
        let code = app.connect::<ShareLinks>().await.code(&kim.id, &offered);
        store.share_listing((&kim.id, None), &offered, &code, now).await.unwrap();
        MarketplaceData {
            bought: bought.to_string(),
            offered: offered.to_string(),
            own: own.to_string(),
            pending: pending.to_string(),
            content_hash,
            purchase: purchase.to_string(),
            review: review.to_string(),
            upload: upload.to_string(),
            code,
        }
    }

    /// Makes `request` a valid one about Kim's data, or about what she can see.
    ///
    /// # Panics
    /// If this function has no valid request for the endpoint.
    pub(crate) fn fill(&self, name: &str, request: TestRequest) -> TestRequest {
        let free = json!({ "amount": 0, "currency": "usd" });
        match name {
            "marketplace-create-listing" => request.json(json!({
                "type": "camera_preset", "title": "A lens", "description": "A lens.",
                "category": "portrait", "tags": [], "price": free,
                "content": { "camera": { "focal_length_mm": 85.0 } },
            })),
            "marketplace-update-listing" => {
                request.path("id", &self.own).json(json!({ "title": "Another light" }))
            }
            "marketplace-submit-listing" => request.path("id", &self.own).json(json!({})),
            "marketplace-retire-listing" | "marketplace-get-creator-listing" => {
                request.path("id", &self.own)
            }
            "marketplace-create-upload" => request.path("id", &self.own).json(json!({
                "purpose": "preview", "content_type": "image/png", "bytes": 1_000,
            })),
            "marketplace-get-upload" => {
                request.path("id", &self.own).path("upload_id", &self.upload)
            }
            "marketplace-preview-listing" => request.path("id", &self.offered).json(json!({})),
            "marketplace-get-listing" | "marketplace-list-reviews" => {
                request.path("id", &self.offered)
            }
            "marketplace-reply-to-review" => request
                .path("id", &self.own)
                .path("review_id", &self.review)
                .json(json!({ "text": "Thank you." })),
            "marketplace-flag-listing" => {
                request.path("id", &self.offered).json(json!({ "reason": "copied" }))
            }
            "marketplace-share-listing" => request.path("id", &self.offered).json(json!({})),
            "marketplace-follow-share" => request.path("code", &self.code),
            "marketplace-create-purchase" => {
                request.json(json!({ "listing_id": self.offered, "expected_price": free }))
            }
            "marketplace-get-purchase" => request.path("id", &self.purchase),
            "marketplace-download-purchase" => request.path("id", &self.purchase).json(json!({})),
            "marketplace-refund-purchase" => request.path("id", &self.purchase).json(json!({})),
            "admin-refund-purchase" => {
                request.path("id", &self.purchase).json(json!({ "reason": "As agreed." }))
            }
            // Nobody asked for a refund: there is nothing to decline.
            "admin-decline-refund" => {
                request.path("id", &self.purchase).json(json!({ "reason": "It was used." }))
            }
            "marketplace-onboard-creator" => request.json(json!({})),
            "marketplace-create-review" => {
                request.json(json!({ "listing_id": self.bought, "rating": 4 }))
            }
            "admin-approve-listing" => {
                request.path("id", &self.pending).json(json!({ "content_hash": self.content_hash }))
            }
            "admin-reject-listing" => request.path("id", &self.pending).json(
                json!({ "content_hash": self.content_hash, "reason": "Too dark to be sold." }),
            ),
            "admin-delist-listing" => {
                request.path("id", &self.own).json(json!({ "reason": "Copied from elsewhere." }))
            }
            // No member reported it: there is nothing to decide.
            "admin-resolve-flags" => request.path("id", &self.own).json(json!({
                "decision": "dismiss", "reason": "All is well.", "seen": 1,
            })),
            // Nobody appealed: there is nothing to decide.
            "admin-resolve-appeal" => request
                .path("id", "user_kim")
                .path("appeal_id", "apl_01JD0000000000000000000000")
                .json(json!({ "outcome": "upheld", "reason": "As decided." })),
            "admin-remove-review" => request
                .path("id", &self.own)
                .path("review_id", &self.review)
                .json(json!({ "reason": "It names a private address." })),
            "admin-list-generations" => request.query("member_id", "user_kim"),
            "admin-get-user" => request.path("id", "user_kim"),
            "admin-adjust-credits" => request
                .path("id", "user_kim")
                .json(json!({ "amount": 5, "reason": "Sorry for the wait." })),
            "admin-ban-user" | "admin-unban-user" => request
                .path("id", "user_kim")
                .json(json!({ "reason": "Sold what was not theirs." })),
            "admin-update-limits" => request
                .path("id", "user_kim")
                .json(json!({ "concurrency": 2, "reason": "As agreed." })),
            "marketplace-get-creator-statement" | "marketplace-get-creator-revenue" => {
                request.path("month", "2026-11")
            }
            // No report exists yet.
            "admin-get-report" => request.path("date", "2026-11-25"),
            "marketplace-list-popular"
            | "marketplace-search-listings"
            | "marketplace-list-purchases"
            | "marketplace-list-shares"
            | "marketplace-list-rewards"
            | "marketplace-get-creator-stats"
            | "marketplace-list-creator-listings"
            | "marketplace-list-creator-earnings"
            | "marketplace-list-creator-payouts"
            | "admin-list-pending"
            | "admin-list-flags"
            | "admin-list-appeals"
            | "admin-list-listings"
            | "admin-list-purchases"
            | "admin-list-payouts"
            | "admin-list-refund-requests"
            | "admin-audit-ledger"
            | "admin-get-revenue-stats"
            | "admin-get-generation-stats"
            | "admin-list-reports"
            | "admin-list-users"
            | "admin-list-audit" => request,
            other => panic!("add a valid request for {other} here"),
        }
    }
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
