//! A app with a bucket, and the actions of a creator.

use clients::{Previews, SearchSnapshots, Uploads};
use domain::{audit::Action, id::ListingId, lighting::LightingRig};
use serde_json::{Value, json};
use store::Store;
use testing::{
    Actor, Answer, TestApp, TestRequest,
    cloud::{Bucket, Cloud},
    listings,
};

use crate::{
    DemoCache, PopularCache, SearchIndex, ViewCounter, create_listing, create_upload,
    get_creator_listing, get_listing, get_upload, list_creator_listings, list_popular,
    preview_listing, retire_listing, search_listings, submit_listing, update_listing,
};

pub(super) struct ListingApp {
    pub(super) app: TestApp,
    pub(super) bucket: Bucket,
    pub(super) finder: (SearchIndex, Previews),
    pub(super) visits: (ViewCounter, Previews),
    pub(super) demos: (Store, DemoCache),
    pub(super) lists: (PopularCache, Previews),
}

impl ListingApp {
    pub(super) async fn open() -> ListingApp {
        let app = TestApp::new();
        let bucket = Cloud::here().bucket().await;
        let finder = SearchIndex::open(app.store.clone(), bucket.snapshots());
        let visits = ViewCounter::new(app.store.clone());
        let (finder, visits) = ((finder, app.previews()), (visits, app.previews()));
        let demos = (app.store.clone(), DemoCache::new(app.previews(), bucket.preview_bucket()));
        let lists = (PopularCache::new(app.store.clone()), app.previews());
        ListingApp { app, bucket, finder, visits, demos, lists }
    }

    pub(super) async fn close(self) {
        self.bucket.discard().await;
    }

    pub(super) fn snapshots(&self) -> SearchSnapshots {
        self.bucket.snapshots()
    }

    pub(super) async fn create(&self, by: &Actor, key: &str, body: Value) -> Answer {
        let ask = TestRequest::by(by).key(key).json(body);
        let (endpoint, handle) = (&create_listing::ENDPOINT, &create_listing::handle);
        self.app.send(endpoint, handle, &self.app.store, &ask).await
    }

    /// A draft; its id.
    pub(super) async fn draft(&self, by: &Actor, title: &str) -> ListingId {
        self.draft_of(by, lighting(title)).await
    }

    /// A draft created from `body`; its id.
    pub(super) async fn draft_of(&self, by: &Actor, body: Value) -> ListingId {
        let key = body["title"].as_str().unwrap().replace(' ', "-");
        let made = self.create(by, &key, body).await;
        assert_eq!(made.status(), 201, "{}", made.pretty());
        ListingId::parse(made.json()["id"].as_str().unwrap()).unwrap()
    }

    /// A listing on sale.
    pub(super) async fn on_sale(&self, by: &Actor, title: &str) -> ListingId {
        let id = self.draft(by, title).await;
        self.publish(by, &id).await;
        id
    }

    /// Submits the newest version, which has an image, and approves it.
    pub(super) async fn publish(&self, by: &Actor, id: &ListingId) {
        let now = self.app.now();
        listings::publish(&self.app.store, &by.id, id, now).await;
    }

    pub(super) async fn patch(&self, ask: TestRequest, id: &ListingId, body: Value) -> Answer {
        let deps = (self.app.store.clone(), self.app.previews());
        let ask = ask.path("id", id).json(body);
        self.app.send(&update_listing::ENDPOINT, &update_listing::handle, &deps, &ask).await
    }

    pub(super) async fn submit(&self, by: &Actor, id: &ListingId) -> Answer {
        let (store, previews) = (self.app.store.clone(), self.app.previews());
        let deps = (store, previews, self.bucket.preview_bucket());
        let ask = TestRequest::by(by).path("id", id).json(json!({}));
        self.app.send(&submit_listing::ENDPOINT, &submit_listing::handle, &deps, &ask).await
    }

    /// A moderator rejects the version in review.
    pub(super) async fn reject(&self, id: &ListingId, reason: &str) {
        let (deed, now) = (listings::judged(Action::RejectListing, id), self.app.now());
        let rejected = self.app.store.moderate_listing(&deed, id, now, |shelf| {
            shelf.listing.reject(shelf.newest.number, reason.to_owned(), now)
        });
        rejected.await.unwrap();
    }

    pub(super) async fn retire(&self, by: &Actor, id: &ListingId) -> Answer {
        let ask = TestRequest::by(by).path("id", id);
        let (endpoint, handle) = (&retire_listing::ENDPOINT, &retire_listing::handle);
        self.app.send(endpoint, handle, &self.app.store, &ask).await
    }

    pub(super) async fn upload(&self, by: &Actor, id: &ListingId, body: Value) -> Answer {
        let uploads: Uploads = self.bucket.uploads();
        let deps = (self.app.store.clone(), uploads);
        let ask = TestRequest::by(by).path("id", id).json(body);
        self.app.send(&create_upload::ENDPOINT, &create_upload::handle, &deps, &ask).await
    }

    pub(super) async fn uploaded(&self, by: &Actor, id: &ListingId, upload: &str) -> Answer {
        let ask = TestRequest::by(by).path("id", id).path("upload_id", upload);
        let (endpoint, handle) = (&get_upload::ENDPOINT, &get_upload::handle);
        self.app.send(endpoint, handle, &self.app.store, &ask).await
    }

    pub(super) async fn popular(&self, ask: TestRequest) -> Answer {
        let (endpoint, handle) = (&list_popular::ENDPOINT, &list_popular::handle);
        self.app.send(endpoint, handle, &self.lists, &ask).await
    }

    pub(super) async fn own(&self, by: &Actor, id: &ListingId) -> Answer {
        let deps = (self.app.store.clone(), self.app.previews());
        let ask = TestRequest::by(by).path("id", id);
        let (endpoint, handle) = (&get_creator_listing::ENDPOINT, &get_creator_listing::handle);
        self.app.send(endpoint, handle, &deps, &ask).await
    }

    pub(super) async fn own_list(&self, ask: TestRequest) -> Answer {
        let deps = (self.app.store.clone(), self.app.previews());
        let (endpoint, handle) = (&list_creator_listings::ENDPOINT, &list_creator_listings::handle);
        self.app.send(endpoint, handle, &deps, &ask).await
    }

    pub(super) async fn page(&self, id: &ListingId) -> Answer {
        self.page_of(id.as_str()).await
    }

    /// The same, requested from an address.
    pub(super) async fn seen_from(&self, id: &ListingId, ip: &str) -> Answer {
        let ask = TestRequest::anonymous().path("id", id).ip(ip);
        let (endpoint, handle) = (&get_listing::ENDPOINT, &get_listing::handle);
        self.app.send(endpoint, handle, &self.visits, &ask).await
    }

    pub(super) async fn page_of(&self, id: &str) -> Answer {
        let ask = TestRequest::anonymous().path("id", id);
        let (endpoint, handle) = (&get_listing::ENDPOINT, &get_listing::handle);
        self.app.send(endpoint, handle, &self.visits, &ask).await
    }

    pub(super) async fn try_it(&self, id: &ListingId, body: Value) -> Answer {
        let ask = TestRequest::anonymous().path("id", id).json(body);
        let (endpoint, handle) = (&preview_listing::ENDPOINT, &preview_listing::handle);
        self.app.send(endpoint, handle, &self.demos, &ask).await
    }

    /// The result of a search, half a second after the last action.
    pub(super) async fn search(&self, query: &[(&str, &str)]) -> Answer {
        self.app.ambient.clock.advance(std::time::Duration::from_millis(500));
        let ask = query
            .iter()
            .fold(TestRequest::anonymous(), |ask, (name, value)| ask.query(name, value));
        let (endpoint, handle) = (&search_listings::ENDPOINT, &search_listings::handle);
        self.app.send(endpoint, handle, &self.finder, &ask).await
    }

    /// The titles that a search finds.
    pub(super) async fn titles(&self, query: &[(&str, &str)]) -> Vec<String> {
        let found = self.search(query).await;
        assert_eq!(found.status(), 200, "{}", found.pretty());
        let items = found.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    }
}

pub(super) fn lighting(title: &str) -> Value {
    json!({
        "type": "lighting_preset", "title": title, "description": "One warm key, high and hard.",
        "category": "portrait", "tags": ["Moody", "low-key"],
        "price": { "amount": 900, "currency": "usd" },
        "demo": { "stops_max": 1.0 },
        "content": { "lighting": LightingRig::rembrandt() },
    })
}

pub(super) fn camera(title: &str, aspect_ratio: &str) -> Value {
    json!({
        "type": "camera_preset", "title": title, "description": "A long lens, wide open.",
        "category": "portrait", "price": { "amount": 300, "currency": "usd" },
        "content": { "camera": { "focal_length_mm": 135.0, "aspect_ratio": aspect_ratio } },
    })
}

pub(super) fn template(title: &str) -> Value {
    let prompt = "A secret recipe for {{product}} on slate.";
    json!({
        "type": "fibo_template", "title": title, "description": "Anything, on slate.",
        "category": "product", "price": { "amount": 1_000, "currency": "usd" },
        "content": {
            "structured_prompt": domain::fibo::StructuredPrompt::from_prompt(prompt, None, None),
            "slots": [{ "name": "product", "label": "What is shown", "default": "a bottle" }],
        },
    })
}
