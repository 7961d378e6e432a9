//! The people of the matrix, and what one of them has.

use std::collections::{BTreeMap, BTreeSet};

use demo::api::{Api, variable};
use serde_json::{Value, json};
use testing::valid::Subject;

use crate::{
    market::seller::{LISTINGS, lighting, word},
    member::{Member, quick, text, until},
    sandbox,
};

pub(super) type Subjects = BTreeMap<Subject, String>;

/// Everybody who calls, and what the owner has.
pub(super) struct World {
    pub(super) nobody: Api,
    pub(super) bad_token: Api,
    pub(super) expired_token: Api,
    /// The owner's API key that may only read.
    pub(super) reader_key: Api,
    /// The owner's API key that may only sell.
    pub(super) seller_key: Api,
    /// A member who subscribes, makes images, sells and buys.
    pub(super) owner: Member,
    pub(super) other: Member,
    /// Who sold to the owner.
    pub(super) creator: Member,
    pub(super) moderator: Member,
    pub(super) admin: Member,
    pub(super) subjects: Subjects,
}

impl World {
    pub(super) async fn new() -> World {
        let owner = Member::new().await;
        owner.subscribe("pro").await;
        let me = owner.get("/api/v1/me").await.ok(200);
        let email = text(&me["email"]);
        let mut world = World {
            nobody: Api::anonymous().unwrap(),
            bad_token: Api::with_token(sandbox::forge(email, "tampered").await).unwrap(),
            expired_token: Api::with_token(sandbox::forge(email, "expired").await).unwrap(),
            reader_key: key_of(&owner, "read").await,
            seller_key: key_of(&owner, "sell").await,
            other: Member::new().await,
            creator: Member::new().await,
            moderator: Member(Api::of("MODERATOR").unwrap()),
            admin: Member(Api::of("ADMIN").unwrap()),
            subjects: Subjects::from([
                (Subject::Member, id_of(&me)),
                (Subject::DocsFile, "start.js".to_owned()),
                (Subject::Code, "invalid_request".to_owned()),
            ]),
            owner,
        };
        world.subjects.extend(world.made().await);
        world.subjects.extend(world.traded().await);
        world
    }

    /// What the owner has beside the marketplace, and the days and months that there are.
    async fn made(&self) -> Subjects {
        let pack = json!({ "pack": "pack_50" });
        let checkout = self.owner.post("/api/v1/billing/checkout", &pack).await.ok(201);
        let invoice = until("an invoice", async || {
            let invoices = self.owner.invoices().await;
            invoices.first().map(id_of)
        });
        let reports = self.admin.get("/api/v1/admin/revenue/reports").await.ok(200);
        let day = text(&reports["items"][0]["date"]).to_owned();
        let mut made = Subjects::from([
            (Subject::Checkout, id_of(&checkout)),
            (Subject::Invoice, invoice.await),
            (Subject::Month, day[..7].to_owned()),
            (Subject::Report, day),
        ]);
        made.extend([self.generation().await, self.preset().await, self.key().await]);
        made.extend(self.webhook().await);
        made
    }

    /// What the owner sells and has bought.
    async fn traded(&self) -> Subjects {
        let sold =
            async || self.creator.on_sale(&lighting(&format!("Offered {}", word()), 0)).await;
        let (bought, offered) = (sold().await, sold().await);
        self.owner.begin(&bought, 0).await;
        let purchase = self.owner.has_bought(&bought).await;
        let share = format!("{LISTINGS}/{offered}/share");
        let share = self.owner.post(&share, &json!({})).await.ok(201);
        let mut traded = Subjects::from([
            (Subject::Bought, bought),
            (Subject::Purchase, id_of(&purchase)),
            (Subject::Offered, offered),
            (Subject::Share, text(&share["code"]).to_owned()),
        ]);
        traded.extend(self.own().await);
        let body = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 1_000 });
        let upload = self.owner.form(&traded[&Subject::Own], &body).await;
        traded.insert(Subject::Upload, id_of(&upload));
        traded.extend(self.pending().await);
        traded.extend([self.appeal().await]);
        traded
    }

    /// The same, with new things in place of those that a request about `named` changes.
    pub(super) async fn renewed(&self, named: &BTreeSet<Subject>) -> Subjects {
        let mut renewed = self.subjects.clone();
        for subject in named {
            match subject {
                // The appeal is the owner's.
                Subject::Member if !named.contains(&Subject::Appeal) => {
                    let me = Member::new().await.get("/api/v1/me").await.ok(200);
                    renewed.insert(Subject::Member, id_of(&me));
                }
                Subject::Generation => renewed.extend([self.generation().await]),
                Subject::Preset => renewed.extend([self.preset().await]),
                Subject::Key => renewed.extend([self.key().await]),
                Subject::Webhook => renewed.extend(self.webhook().await),
                Subject::Own => renewed.extend(self.own().await),
                Subject::Pending => renewed.extend(self.pending().await),
                Subject::Appeal => renewed.extend([self.appeal().await]),
                // Made with one of those above, or not changed.
                Subject::Member
                | Subject::Delivery
                | Subject::Checkout
                | Subject::Invoice
                | Subject::Review
                | Subject::Upload
                | Subject::ContentHash
                | Subject::Bought
                | Subject::Purchase
                | Subject::Offered
                | Subject::Share
                | Subject::Month
                | Subject::Report
                | Subject::DocsFile
                | Subject::Code => {}
            }
        }
        renewed
    }

    pub(super) async fn suspend_the_owner(&self) {
        let path = format!("/api/v1/admin/users/{}/ban", self.subjects[&Subject::Member]);
        self.admin.post(&path, &json!({ "reason": "For the matrix." })).await.ok(200);
    }

    async fn generation(&self) -> (Subject, String) {
        (Subject::Generation, id_of(&self.owner.make(&quick("a red chair")).await))
    }

    async fn preset(&self) -> (Subject, String) {
        let preset = json!({ "name": "Chair", "prompt": "a chair" });
        (Subject::Preset, id_of(&self.owner.post("/api/v1/presets", &preset).await.ok(201)))
    }

    async fn key(&self) -> (Subject, String) {
        let key = json!({ "name": "Nightly", "scopes": ["read"] });
        (Subject::Key, id_of(&self.owner.post("/api/v1/me/keys", &key).await.ok(201)))
    }

    /// A webhook, and a delivery to it that has ended.
    async fn webhook(&self) -> [(Subject, String); 2] {
        let url = format!("{}/hooks/matrix", variable("SANDBOX_URL").unwrap());
        let webhook = json!({ "url": url, "events": ["sale.created"] });
        let webhook = id_of(&self.owner.post("/api/v1/me/webhooks", &webhook).await.ok(201));
        let path = format!("/api/v1/me/webhooks/{webhook}");
        self.owner.post(&format!("{path}/test"), &json!({})).await.ok(202);
        let delivery = until("a delivered test event", async || {
            let log = self.owner.get(&format!("{path}/deliveries")).await.ok(200);
            (log["items"][0]["status"] == "delivered").then(|| id_of(&log["items"][0]))
        });
        [(Subject::Webhook, webhook), (Subject::Delivery, delivery.await)]
    }

    /// A listing on sale with another member's review, and a draft of its next version.
    async fn own(&self) -> [(Subject, String); 2] {
        let id = self.owner.on_sale(&lighting(&format!("Owned {}", word()), 0)).await;
        self.other.begin(&id, 0).await;
        self.other.has_bought(&id).await;
        let review = json!({ "listing_id": id, "rating": 5 });
        let review = self.other.post("/api/v1/marketplace/reviews", &review).await.ok(201);
        let edit = json!({ "title": "A better light" });
        self.owner.patch(&format!("{LISTINGS}/{id}"), &edit).await.ok(200);
        [(Subject::Own, id), (Subject::Review, id_of(&review))]
    }

    /// A listing that waits for a moderator.
    async fn pending(&self) -> [(Subject, String); 2] {
        let id = id_of(&self.owner.draft(&lighting(&format!("Pending {}", word()), 0)).await);
        let hash = text(&self.owner.submit(&id).await["content_hash"]).to_owned();
        [(Subject::Pending, id), (Subject::ContentHash, hash)]
    }

    /// An appeal of a moderator's rejection.
    async fn appeal(&self) -> (Subject, String) {
        let [(_, listing), (_, hash)] = self.pending().await;
        let path = format!("/api/v1/admin/marketplace/listings/{listing}/reject");
        let rejection = json!({ "content_hash": hash, "reason": "Too dark to be sold." });
        self.moderator.post(&path, &rejection).await.ok(200);
        let appeal = json!({ "listing_id": listing, "text": "It is meant to be dark." });
        (Subject::Appeal, id_of(&self.owner.post("/api/v1/me/appeals", &appeal).await.ok(201)))
    }
}

/// The API by a new key of `owner` with one scope.
async fn key_of(owner: &Member, scope: &str) -> Api {
    let key = json!({ "name": scope, "scopes": [scope] });
    let key = owner.post("/api/v1/me/keys", &key).await.ok(201);
    Api::with_token(text(&key["secret"]).to_owned()).unwrap()
}

fn id_of(thing: &Value) -> String {
    text(&thing["id"]).to_owned()
}
