//! Submitted listings, from the creator's request over the relay to the moderators' list: also
//! twice, cut off in the middle, withdrawn meanwhile, and when the picture cannot be drawn. And what
//! is erased of the files that versions no longer refer to.

use std::sync::mpsc;

use clients::{PreviewBucket, preview::preview_key, queue::PreparationMessage, uploads::asset_key};
use domain::{
    id::{ListingId, UploadId},
    marketplace::{
        Kind,
        listing::{demo::DemoScene, upload::Preview},
    },
};
use media::{Preview as Drawn, picture::PictureError};
use serde_json::{Value, json};
use store::{PageSize, Store};
use testing::{
    Actor, Answer, Fault, TestApp,
    grants::acting_as,
    listings,
    queue::{batch_event, failed_items},
};

use super::worker_app::NO_FAILURES;
use crate::{erase_data, prepare::prepare, relay_outbox, render_preview};

const LISTINGS: &str = "/api/v1/marketplace/listings";
/// The last delivery of a message.
const LAST: u32 = 5;

/// A creator with a draft of a rig that has no picture.
struct Shop {
    app: TestApp,
    lena: Actor,
    id: ListingId,
}

impl Shop {
    async fn new() -> Shop {
        let app = TestApp::serving(&[crate::functions, marketplace::functions]);
        let (lena, now) = (Actor::member("lena"), app.now());
        let (id, described) = (ListingId::new(now, 1), listings::description("Rembrandt", 500));
        let draft = (Kind::LightingPreset, described);
        listings::draft(&app.store, (&lena.id, id.clone()), draft, now).await;
        app.engine.stream_batch();
        Shop { app, lena, id }
    }

    async fn submit(&self) -> Answer {
        self.app.client(&self.lena).post(format!("{LISTINGS}/{}/submit", self.id)).await
    }

    async fn edit(&self, change: Value) -> Answer {
        self.app.client(&self.lena).patch(format!("{LISTINGS}/{}", self.id)).json(change).await
    }

    /// The listing in its creator's view.
    async fn own(&self) -> Value {
        let path = format!("/api/v1/marketplace/creator/listings/{}", self.id);
        self.app.client(&self.lena).get(path).await.json()
    }

    /// Its state, and why it could not be prepared.
    async fn state(&self) -> (String, Value) {
        let own = self.own().await;
        (own["status"].as_str().unwrap().to_owned(), own["review"]["reason"].clone())
    }

    /// The stream's records that pass the filter of the relay's event source.
    fn changes(&self) -> Value {
        let mut batch = self.app.engine.stream_batch();
        let passes = |record: &Value| {
            record["dynamodb"]["NewImage"]["draft"]["M"]["state"]["S"] == "preparing"
        };
        batch["Records"].as_array_mut().unwrap().retain(passes);
        batch
    }

    async fn relay(&self, batch: &Value) {
        let relayed = self.app.invoke(relay_outbox::WORKER.name, batch).await.unwrap();
        assert_eq!(failed_items(&relayed), NO_FAILURES);
    }

    /// Processes the visible messages; returns the ids of those that failed.
    async fn work(&self) -> Vec<String> {
        let queue = self.app.upload_queue();
        let batch = queue.receive();
        let event = batch_event(&batch);
        let failed = self.app.invoke(render_preview::WORKER.name, &event).await.unwrap();
        let failed = failed_items(&failed);
        queue.delete_processed(&batch, &failed);
        failed
    }

    /// One delivery of a message about its first version, with another renderer. Returns the code
    /// of the error with which it is to be repeated.
    async fn prepare(
        &self,
        attempt: u32,
        draw: impl FnOnce(&DemoScene) -> Result<Drawn, PictureError> + Send + 'static,
    ) -> Result<(), &'static str> {
        let store: Store = self.app.connect().await;
        let bucket: PreviewBucket = self.app.connect().await;
        let message = PreparationMessage {
            creator_id: self.lena.id.clone(),
            listing_id: self.id.clone(),
            version: 1,
        };
        let work = || prepare((&store, &bucket), &message, (self.app.now(), attempt), draw);
        let prepared = acting_as(render_preview::WORKER.name, work).await;
        prepared.map_err(|error| error.code())
    }

    async fn pictures(&self) -> Vec<String> {
        self.app.previews_bucket().keys().await
    }

    async fn erase(&self) {
        self.app.run(erase_data::WORKER.name).await.unwrap();
    }
}

fn plain(_: &DemoScene) -> Result<Drawn, PictureError> {
    Drawn::from_rgb(640, 320, vec![90; 3 * 640 * 320])
}

#[tokio::test]
async fn a_submission_is_drawn_by_the_worker_and_then_waits_for_a_moderator() {
    let shop = Shop::new().await;
    assert_eq!(shop.submit().await.status(), 202);
    let waiting = async || shop.app.store.pending_listings(PageSize::WHOLE, None).await.unwrap();
    assert!(waiting().await.items.is_empty(), "moderators do not see it before it is whole");
    let changes = shop.changes();
    shop.relay(&changes).await;
    let messages = shop.app.upload_queue().messages();
    let named = json!({ "creator_id": shop.lena.id, "listing_id": shop.id, "version": 1 });
    assert_eq!(messages.len(), 1);
    assert_eq!((&*messages[0].body, &*messages[0].group), (&*named.to_string(), "user_lena"));
    assert_eq!(shop.work().await, NO_FAILURES);
    assert_eq!(shop.state().await, ("pending".to_owned(), Value::Null));
    let own = shop.own().await;
    assert_eq!((&own["previews"][0]["drawn"], &own["previews"][1]), (&json!(true), &Value::Null));
    assert_eq!(shop.pictures().await.len(), 3, "in three sizes");
    let (listing, version, _) = waiting().await.items.remove(0);
    assert_eq!((listing.id, version.signature.is_some()), (shop.id.clone(), true));

    // The stream again, and the message twice.
    let (items, pictures) = (shop.app.engine.dump(), shop.pictures().await);
    for _ in 0..2 {
        shop.relay(&changes).await;
    }
    assert_eq!(shop.work().await, NO_FAILURES);
    assert_eq!((shop.app.engine.dump(), shop.pictures().await), (items, pictures));
    assert!(shop.changes()["Records"].as_array().unwrap().is_empty(), "nothing more to relay");
}

#[tokio::test]
async fn a_preparation_that_is_cut_off_draws_the_same_picture_again() {
    let shop = Shop::new().await;
    shop.submit().await;
    (1..=3).for_each(|nth| shop.app.engine.order("TransactWriteItems", nth, Fault::Fail));
    assert_eq!(shop.prepare(1, plain).await, Err("temporarily_unavailable"));
    let drawn = shop.pictures().await;
    assert_eq!((drawn.len(), shop.state().await.0), (3, "preparing".to_owned()));
    assert_eq!(shop.prepare(2, plain).await, Ok(()));
    assert_eq!((shop.pictures().await, shop.state().await.0), (drawn, "pending".to_owned()));
    assert_eq!(shop.app.store.due_erasures(shop.app.now(), None, 10).await.unwrap().items, []);
}

#[tokio::test]
async fn a_submission_that_is_withdrawn_is_not_prepared() {
    let shop = Shop::new().await;
    shop.submit().await;
    let edited = shop.edit(json!({ "title": "Another name" })).await.json();
    assert_eq!((&edited["status"], &edited["version"]), (&json!("draft"), &json!(1)));
    assert_eq!(shop.prepare(1, plain).await, Ok(()));
    assert_eq!((shop.pictures().await.len(), shop.state().await.0), (0, "draft".to_owned()));
    // A deleted one neither.
    shop.submit().await;
    let path = format!("{LISTINGS}/{}", shop.id);
    assert_eq!(shop.app.client(&shop.lena).delete(path).await.status(), 204);
    assert_eq!(shop.prepare(1, plain).await, Ok(()));
    assert_eq!(shop.pictures().await.len(), 0);
}

/// The worker has begun to draw, and stores the picture after its submission was withdrawn and made
/// again: the late end of the first changes nothing, and its picture is erased.
#[tokio::test]
async fn a_submission_that_is_withdrawn_while_it_is_drawn_ends_and_its_picture_is_erased() {
    let shop = Shop::new().await;
    shop.submit().await;
    let (go_on, told) = mpsc::channel();
    let draw = move |scene: &DemoScene| {
        told.recv().unwrap();
        plain(scene)
    };
    let withdraw = async {
        assert_eq!(shop.edit(json!({ "title": "Another name" })).await.status(), 200);
        assert_eq!(shop.submit().await.status(), 202);
        go_on.send(()).unwrap();
    };
    let (prepared, ()) = tokio::join!(shop.prepare(1, draw), withdraw);
    assert_eq!((prepared, shop.state().await.0), (Ok(()), "preparing".to_owned()));
    assert_eq!(shop.prepare(1, plain).await, Ok(()));
    assert_eq!((shop.pictures().await.len(), shop.state().await.0), (6, "pending".to_owned()));
    shop.erase().await;
    let (left, own) = (shop.pictures().await, shop.own().await);
    let shown = own["previews"][0]["id"].as_str().unwrap();
    assert!(left.len() == 3 && left.iter().all(|key| key.contains(shown)), "{left:?}");
}

#[tokio::test]
async fn a_renderer_that_fails_is_a_failure_that_the_creator_sees() {
    let unusable = |_: &DemoScene| Err(PictureError::UnknownFormat);
    let panics = |_: &DemoScene| panic!("the renderer is broken");
    let shop = Shop::new().await;
    for nth in 0..2 {
        assert_eq!(shop.submit().await.status(), 202);
        let ended = match nth {
            0 => shop.prepare(1, unusable).await,
            _ => shop.prepare(1, panics).await,
        };
        assert_eq!(ended, Ok(()), "another attempt would fail as well");
        let (state, reason) = shop.state().await;
        assert_eq!(state, "preparation_failed");
        let reason = reason.as_str().unwrap().to_owned();
        assert!(reason.contains("Submit it again"), "{reason}");
    }
    assert_eq!(shop.submit().await.status(), 202);
    assert_eq!(shop.prepare(1, plain).await, Ok(()));
    assert_eq!(shop.state().await, ("pending".to_owned(), Value::Null));
    let due = shop.app.store.due_erasures(shop.app.now(), None, 10).await.unwrap().items;
    assert_eq!(due.len(), 2, "of what the two that failed may have stored: {due:?}");
}

#[tokio::test]
async fn a_bucket_that_fails_is_tried_in_every_delivery() {
    let mut shop = Shop::new().await;
    shop.app.set("PREVIEWS_BUCKET", "missing");
    shop.submit().await;
    for attempt in 1..LAST {
        assert_eq!(shop.prepare(attempt, plain).await, Err("storage_unavailable"));
        assert_eq!(shop.state().await.0, "preparing");
    }
    assert_eq!(shop.prepare(LAST, plain).await, Ok(()));
    assert_eq!(shop.state().await.0, "preparation_failed");
}

/// A version that is or was on sale keeps its files, whatever the next one does without.
#[tokio::test]
async fn files_that_no_version_needs_are_erased() {
    let shop = Shop::new().await;
    let (app, now) = (&shop.app, shop.app.now());
    let [sold, removed] = [31, 32].map(|number| UploadId::new(now, number));
    listings::with_file(&app.store, &shop.lena.id, &shop.id, now).await;
    let asset = UploadId::new(now, 2);
    let added = app.store.change_listing(&shop.lena.id, &shop.id, now, |update| {
        for upload_id in [sold.clone(), removed.clone()] {
            update.newest.add_preview(Preview { upload_id, width: 9, height: 6, drawn: false });
        }
    });
    added.await.unwrap();
    for upload in [&sold, &removed] {
        let key = preview_key(&shop.id, upload, 300);
        app.previews_bucket().put(&key, b"jpeg", "image/jpeg", "lena").await;
    }
    let file = asset_key(&shop.id, &asset);
    app.images_bucket().put(&file, b"zip", "application/zip", "lena").await;

    assert_eq!(shop.edit(json!({ "remove": [removed] })).await.status(), 200);
    shop.erase().await;
    assert_eq!(shop.pictures().await, [preview_key(&shop.id, &sold, 300)]);
    listings::publish(&app.store, &shop.lena.id, &shop.id, now).await;
    let next = shop.edit(json!({ "remove": [sold, asset] })).await.json();
    assert_eq!((&next["version"], &next["assets"]), (&json!(2), &json!([])));
    shop.erase().await;
    assert_eq!(shop.pictures().await, [preview_key(&shop.id, &sold, 300)]);
    assert_eq!(app.images_bucket().keys().await, [file]);
}
