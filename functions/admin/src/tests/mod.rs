//! The functions for staff, tested with complete requests, from API Gateway's event to the
//! response.

mod stats;

use clients::{AssetScan, Previews, uploads::asset_key};
use domain::{
    account::Profile,
    erasure::{Erasure, ErasureSubject},
    id::ListingId,
    lighting::LightingRig,
    marketplace::{
        Kind,
        listing::{
            DelistedBy, HiddenReason, State,
            content::Content,
            revision::{Description, Edit},
        },
        moderation::strike::Seller,
    },
};
use expect_test::expect;
use serde_json::{Value, json};
use store::ListingUpdate;
use testing::{Actor, Answer, TestApp, TestRequest, cloud::Cloud, listings};

use crate::{
    approve_listing, delist_listing, list_flags, list_pending, reject_listing, resolve_flags,
};

mod flags;
mod people;

/// A app, and the functions of this crate over it.
struct StaffApp {
    app: TestApp,
    previews: Previews,
}

impl StaffApp {
    fn open() -> StaffApp {
        let app = TestApp::new();
        let previews = app.previews();
        StaffApp { app, previews }
    }

    async fn pending(&self, ask: &TestRequest) -> Answer {
        use list_pending::{ENDPOINT, handle};
        let app = &self.app;
        let capabilities = (app.store.clone(), self.previews.clone(), app.uploads());
        app.send(&ENDPOINT, &handle, &capabilities, ask).await
    }

    async fn approve(&self, ask: &TestRequest) -> Answer {
        self.approve_scanned(self.app.scan(), ask).await
    }

    async fn approve_scanned(&self, scan: AssetScan, ask: &TestRequest) -> Answer {
        use approve_listing::{ENDPOINT, handle};
        let capabilities = (self.app.store.clone(), scan);
        self.app.send(&ENDPOINT, &handle, &capabilities, ask).await
    }

    async fn reject(&self, ask: &TestRequest) -> Answer {
        use reject_listing::{ENDPOINT, handle};
        self.app.send(&ENDPOINT, &handle, &self.app.store, ask).await
    }

    async fn delist(&self, ask: &TestRequest) -> Answer {
        use delist_listing::{ENDPOINT, handle};
        self.app.send(&ENDPOINT, &handle, &self.app.store, ask).await
    }

    async fn flags(&self, ask: &TestRequest) -> Answer {
        use list_flags::{ENDPOINT, handle};
        let capabilities = (self.app.store.clone(), self.previews.clone());
        self.app.send(&ENDPOINT, &handle, &capabilities, ask).await
    }

    async fn resolve(&self, ask: &TestRequest) -> Answer {
        use resolve_flags::{ENDPOINT, handle};
        self.app.send(&ENDPOINT, &handle, &self.app.store, ask).await
    }

    /// A listing in review.
    async fn waiting(&self, creator: &Actor, title: &str) -> ListingId {
        let now = self.app.now();
        let what = (Kind::LightingPreset, listings::description(title, 900));
        let id = ListingId::new(now, self.app.ambient.entropy.next());
        let store = &self.app.store;
        let by = &creator.id;
        listings::draft(store, (by, id.clone()), what, now).await;
        listings::with_file(store, by, &id, now).await;
        self.submit(creator, &id).await;
        id
    }

    async fn submit(&self, creator: &Actor, id: &ListingId) {
        let (store, now) = (&self.app.store, self.app.now());
        listings::submit(store, &creator.id, id, now).await;
    }

    async fn edit(&self, creator: &Actor, id: &ListingId, title: &str) {
        let (store, now) = (&self.app.store, self.app.now());
        let edited = store.change_listing(&creator.id, id, now, |shelf| {
            let edit = Edit { title: Some(title.to_owned()), ..Edit::default() };
            shelf.listing.edit(shelf.newest.clone(), edit, now).map(|newest| shelf.newest = newest)
        });
        edited.await.unwrap();
    }

    async fn own(&self, creator: &Actor, id: &ListingId) -> ListingUpdate {
        self.app.store.own_listing(&creator.id, id).await.unwrap()
    }

    fn later(&self) {
        self.app.ambient.clock.advance(std::time::Duration::from_secs(60));
    }
}

fn verdict(by: &Actor, id: impl ToString, body: Value) -> TestRequest {
    TestRequest::by(by).path("id", id).json(body)
}

impl StaffApp {
    /// The `content_hash` of the version in review.
    async fn content_hash(&self, id: &ListingId) -> String {
        self.app.store.any_listing(id).await.unwrap().newest.content_hash()
    }

    /// An approval of the version in review.
    async fn shown(&self, by: &Actor, id: &ListingId) -> TestRequest {
        verdict(by, id, json!({ "content_hash": self.content_hash(id).await }))
    }

    /// A rejection of the version in review.
    async fn sent_back(&self, by: &Actor, id: &ListingId, reason: &str) -> TestRequest {
        let content_hash = self.content_hash(id).await;
        verdict(by, id, json!({ "content_hash": content_hash, "reason": reason }))
    }
}

fn lena() -> Actor {
    Actor::member("lena")
}

#[tokio::test]
async fn what_waits_longest_comes_first_with_all_there_is_to_it() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let named = |profile: &mut Profile| profile.display_name = Some("Lena Okafor".to_owned());
    let (store, now) = (&desk.app.store, desk.app.now());
    let creator = lena();
    let described = store.update_profile(&creator.id, None, now, |_, profile| {
        named(profile);
    });
    described.await.unwrap();
    let twin = desk.waiting(&Actor::member("ada"), "The first of its kind").await;
    assert_eq!(desk.approve(&desk.shown(&moderator, &twin).await).await.status(), 200);
    desk.later();
    let one = desk.waiting(&lena(), "Rembrandt").await;
    desk.later();
    let two = desk.waiting(&Actor::member("kim"), "Another").await;
    desk.later();
    desk.edit(&Actor::member("ada"), &twin, "The first, again").await;
    desk.submit(&Actor::member("ada"), &twin).await;

    let answer = desk.pending(&TestRequest::by(&moderator)).await;
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    let mut page = answer.json();
    let ids: Vec<&Value> =
        page["items"].as_array().unwrap().iter().map(|item| &item["listing_id"]).collect();
    assert_eq!(ids, [&json!(one), &json!(two), &json!(twin)]);
    assert_eq!(page["items"][0]["similar"][0], json!({ "listing_id": twin, "score": 100 }));
    assert_eq!(page["items"][1]["creator"]["display_name"], json!(null));
    let third = &page["items"][2];
    assert_eq!((&third["version"], &third["is_first"]), (&json!(2), &json!(false)));
    let hash = page["items"][0]["content_hash"].take();
    assert_eq!(hash, json!(desk.content_hash(&one).await));
    let url = page["items"][0]["assets"][0]["url"].take();
    let place = format!("https://s3.prolight.test/images/assets/{one}/upl_");
    let url = url.as_str().unwrap();
    assert!(url.starts_with(&place) && url.contains("X-Amz-Signature="), "{url}");
    let lights = page["items"][0]["content"]["lighting"].take();
    assert_eq!(lights, serde_json::to_value(LightingRig::rembrandt()).unwrap());
    expect![[r#"
        {
          "assets": [
            {
              "bytes": 5,
              "file_name": "luts.zip",
              "files": [
                {
                  "bytes": 9,
                  "path": "warm.cube"
                }
              ],
              "sha256": "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e",
              "type": "zip",
              "url": null
            }
          ],
          "attribution": "Light by Lena",
          "category": "portrait",
          "content": {
            "lighting": null
          },
          "content_hash": null,
          "creator": {
            "approved": 0,
            "delisted": 0,
            "display_name": "Lena Okafor",
            "id": "user_lena",
            "live_strikes": 0,
            "member_since": "2026-11-22T09:00:00.000Z",
            "rejected": 0,
            "sales": 0,
            "selling_suspended_until": null
          },
          "demo": {
            "enabled": true,
            "kelvin_max": 0,
            "lens": false,
            "stops_max": 0.0,
            "subjects": [
              "sphere",
              "bust",
              "product"
            ]
          },
          "description": "One warm key,\n\na whisper of fill.",
          "is_first": true,
          "lint": [
            {
              "code": "brief",
              "detail": "says little",
              "pointer": "/description"
            }
          ],
          "listing_id": "lst_01M817SG700000000000000002",
          "previews": [
            {
              "height": 800,
              "url_1200": "https://previews.prolight.test/previews/lst_01M817SG700000000000000002/upl_01M817SG700000000000000001/1200.jpg",
              "url_300": "https://previews.prolight.test/previews/lst_01M817SG700000000000000002/upl_01M817SG700000000000000001/300.jpg",
              "url_600": "https://previews.prolight.test/previews/lst_01M817SG700000000000000002/upl_01M817SG700000000000000001/600.jpg",
              "width": 1200
            }
          ],
          "price": {
            "amount": 900,
            "currency": "usd"
          },
          "similar": [
            {
              "listing_id": "lst_01M817QNM00000000000000001",
              "score": 100
            }
          ],
          "submitted_at": "2026-11-22T09:01:00.000Z",
          "tags": [
            "moody"
          ],
          "title": "Rembrandt",
          "type": "lighting_preset",
          "version": 1
        }"#]].assert_eq(&format!("{:#}", page["items"][0]));

    let limited = desk.pending(&TestRequest::by(&moderator).query("limit", 1)).await.json();
    assert_eq!(
        (limited["items"].as_array().unwrap().len(), limited["next_cursor"].is_string()),
        (1, true)
    );
}

#[tokio::test]
async fn staff_judge_and_nobody_else() {
    let desk = StaffApp::open();
    let id = desk.waiting(&lena(), "Rembrandt").await;
    let check = async |who: Option<&Actor>, expected: &str| {
        let ask = || who.map_or_else(TestRequest::anonymous, TestRequest::by);
        let at = |body: Value| ask().path("id", &id).json(body);
        let said = json!({ "content_hash": "0", "reason": "Too dark." });
        let answers = [
            desk.pending(&ask()).await,
            desk.approve(&at(json!({ "content_hash": "0" }))).await,
            desk.reject(&at(said)).await,
            desk.delist(&at(json!({ "reason": "Too dark." }))).await,
            desk.flags(&ask()).await,
            desk.resolve(&at(json!({ "decision": "strike", "reason": "Copied.", "seen": 1 })))
                .await,
        ];
        assert_eq!(answers.map(|answer| answer.brief()), [expected; 6]);
    };
    check(None, "401 unauthenticated").await;
    check(Some(&Actor::member("kim")), "403 forbidden").await;
    check(Some(&lena()), "403 forbidden").await;
    for staff in [Actor::moderator(), Actor::admin()] {
        assert_eq!(desk.pending(&TestRequest::by(&staff)).await.status(), 200);
    }
    assert_eq!(desk.own(&lena(), &id).await.listing.state(), State::Pending);
}

#[tokio::test]
async fn what_is_approved_is_on_sale() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.waiting(&lena(), "Rembrandt").await;
    desk.later();
    let answer = desk.approve(&desk.shown(&moderator, &id).await.key("k")).await;
    assert_eq!(answer.status(), 200);
    let judged = json!({ "listing_id": id, "state": "approved", "version": 1 });
    assert_eq!(answer.json(), judged);
    let page = desk.app.store.listing_page(&id, desk.app.now()).await.unwrap();
    assert_eq!(page.revision.published_at, Some(desk.app.now()));
    assert_eq!(desk.pending(&TestRequest::by(&moderator)).await.json()["items"], json!([]));

    let again = desk.approve(&desk.shown(&moderator, &id).await.key("k")).await;
    assert_eq!((again.status(), again.json()), (200, judged), "the same key, the same answer");
    assert_eq!(desk.approve(&desk.shown(&moderator, &id).await).await.brief(), "409 not_pending");
}

#[test]
fn two_moderators_at_once_decide_once() {
    let desk = StaffApp::open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let id = runtime.block_on(desk.waiting(&lena(), "Rembrandt"));
    let mut said = testing::at_once(2, |nth| {
        let (desk, id) = (&desk, &id);
        async move {
            match nth {
                0 => desk.approve(&desk.shown(&Actor::moderator(), id).await).await.brief(),
                _ => {
                    let ask = desk.sent_back(&Actor::admin(), id, "Too dark.").await;
                    desk.reject(&ask).await.brief()
                }
            }
        }
    });
    said.sort();
    assert_eq!(said, ["200", "409 not_pending"]);
}

/// A change of a submitted version starts the next one. A rejected version may get other images and
/// be submitted again under its number: its hash identifies what a moderator was shown.
#[tokio::test]
async fn a_moderator_decides_on_what_they_were_shown() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.waiting(&lena(), "Rembrandt").await;
    let shown = async || {
        let item = desk.pending(&TestRequest::by(&moderator)).await.json()["items"][0].clone();
        json!({ "content_hash": item["content_hash"] })
    };
    let reject = async |mut body: Value| {
        body["reason"] = json!("Too dark.");
        desk.reject(&verdict(&moderator, &id, body)).await.brief()
    };
    let approve = async |body: Value| desk.approve(&verdict(&moderator, &id, body)).await.brief();
    let first = shown().await;
    desk.edit(&lena(), &id, "Something else").await;
    assert_eq!(approve(first.clone()).await, "409 not_pending");
    desk.submit(&lena(), &id).await;
    assert_eq!(approve(first.clone()).await, "409 version_changed");
    assert_eq!(reject(first).await, "409 version_changed");

    let second = shown().await;
    assert_eq!(reject(second.clone()).await, "200");
    desk.later();
    desk.submit(&lena(), &id).await;
    assert_eq!(approve(second.clone()).await, "409 version_changed", "with one more picture");
    assert_eq!(reject(second).await, "409 version_changed");
    assert_eq!(approve(shown().await).await, "200");
    let nothing = approve(json!({})).await;
    assert_eq!(nothing, "422 invalid_request, /content_hash missing_field");
}

#[tokio::test]
async fn a_file_is_sold_once_it_was_found_clean() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let bucket = Cloud::here().bucket().await;
    let scan = || bucket.scan(Some("scan=clean"));
    let id = desk.waiting(&lena(), "Rembrandt").await;
    let asset = desk.own(&lena(), &id).await.newest.assets[0].clone();
    let key = asset_key(&id, &asset.upload_id);
    let approve = async || {
        let ask = desk.shown(&moderator, &id).await;
        desk.approve_scanned(scan(), &ask).await.brief()
    };
    bucket.put(&key, b"PK", "application/zip", "nobody").await;
    assert_eq!(approve().await, "409 asset_not_scanned");
    bucket.tag(&key, "scan", "infected").await;
    assert_eq!(approve().await, "409 asset_not_clean");
    bucket.tag(&key, "other", "clean").await;
    assert_eq!(approve().await, "409 asset_not_scanned");
    assert_eq!(desk.own(&lena(), &id).await.listing.state(), State::Pending);
    bucket.tag(&key, "scan", "clean").await;
    assert_eq!(approve().await, "200");
    bucket.discard().await;
}

impl StaffApp {
    /// A tailored model in review.
    async fn model(&self, creator: &Actor, model: &str) -> ListingId {
        let now = self.app.now();
        let content = Content { model_id: Some(model.to_owned()), ..Content::default() };
        let described = Description { content, ..listings::description("Silver prints", 0) };
        let id = ListingId::new(now, self.app.ambient.entropy.next());
        let what = (Kind::ModelFinetune, described);
        listings::draft(&self.app.store, (&creator.id, id.clone()), what, now).await;
        self.submit(creator, &id).await;
        id
    }
}

#[test]
fn of_two_listings_of_a_model_one_is_approved() {
    let desk = StaffApp::open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ids = [lena(), Actor::member("mara")]
        .map(|creator| runtime.block_on(desk.model(&creator, "acme-v1")));
    let shown = runtime.block_on(desk.pending(&TestRequest::by(&Actor::moderator())));
    assert!(!shown.pretty().contains("acme-v1"), "{}", shown.pretty());
    let model = &shown.json()["items"][0]["model"];
    let fingerprint = domain::marketplace::listing::model::fingerprint("acme-v1");
    assert_eq!(model, &json!({ "fingerprint": fingerprint, "standing": "unclaimed" }));

    let mut said = testing::at_once(2, |nth| {
        let (desk, id) = (&desk, &ids[nth]);
        async move {
            let ask = desk.shown(&Actor::moderator(), id).await;
            desk.approve(&ask).await.brief()
        }
    });
    said.sort();
    assert_eq!(said, ["200", "409 model_taken"]);
    let shown = runtime.block_on(desk.pending(&TestRequest::by(&Actor::moderator())));
    assert_eq!(shown.json()["items"][0]["model"]["standing"], "taken");
}

#[tokio::test]
async fn a_model_goes_to_another_once_staff_took_it_off_sale() {
    let (desk, moderator, mara) = (StaffApp::open(), Actor::moderator(), Actor::member("mara"));
    let first = desk.model(&lena(), "acme-v1").await;
    assert_eq!(desk.approve(&desk.shown(&moderator, &first).await).await.status(), 200);
    let second = desk.model(&mara, "acme-v2").await;
    assert_eq!(desk.approve(&desk.shown(&moderator, &second).await).await.status(), 200);

    let (store, now) = (&desk.app.store, desk.app.now());
    let content = Content { model_id: Some("acme-v1".to_owned()), ..Content::default() };
    let edited = store.change_listing(&mara.id, &second, now, |shelf| {
        let edit = Edit { content: Some(content.clone()), ..Edit::default() };
        shelf.listing.edit(shelf.newest.clone(), edit, now).map(|newest| shelf.newest = newest)
    });
    edited.await.unwrap();
    let submit = async || {
        let submitted = store.submit_listing(&mara.id, &second, now, |shelf| {
            shelf.listing.submit(&shelf.newest, &shelf.model, now)
        });
        submitted.await.map(drop).map_err(|refused| domain::DomainError::code(&refused))
    };
    assert_eq!(submit().await, Err("model_taken"), "not even submitted");
    let reason = json!({ "reason": "Not hers." });
    assert_eq!(desk.delist(&verdict(&moderator, &first, reason)).await.status(), 200);
    assert_eq!(submit().await, Ok(()));
    assert_eq!(desk.approve(&desk.shown(&moderator, &second).await).await.status(), 200);
    desk.submit_again(&lena(), &first).await;
}

impl StaffApp {
    /// A creator resubmits a delisted listing whose model belongs to another by now.
    async fn submit_again(&self, creator: &Actor, id: &ListingId) {
        let (store, now) = (&self.app.store, self.app.now());
        let submitted = store.submit_listing(&creator.id, id, now, |shelf| {
            shelf.listing.submit(&shelf.newest, &shelf.model, now)
        });
        assert_eq!(domain::DomainError::code(&submitted.await.unwrap_err()), "model_taken");
    }
}

#[tokio::test]
async fn a_creator_reads_why_and_what_is_on_sale_stays() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.waiting(&lena(), "Rembrandt").await;
    let ask = desk.sent_back(&moderator, &id, " Show it on a face. ").await;
    let answer = desk.reject(&ask).await;
    let rejected = json!({ "listing_id": id, "state": "rejected", "version": 1 });
    assert_eq!((answer.status(), answer.json()), (200, rejected));
    let own = desk.own(&lena(), &id).await;
    let hidden = own.listing.hidden_reasons(&Seller::from(&own.creator), desk.app.now());
    assert_eq!(hidden, [HiddenReason::Rejected]);
    let draft = serde_json::to_value(&own.listing.draft).unwrap();
    assert_eq!(draft["reason"], "Show it on a face.");

    desk.submit(&lena(), &id).await;
    assert_eq!(desk.approve(&desk.shown(&moderator, &id).await).await.status(), 200);
    desk.edit(&lena(), &id, "Worse").await;
    desk.submit(&lena(), &id).await;
    let ask = desk.sent_back(&moderator, &id, "The first was better.").await;
    let answer = desk.reject(&ask).await;
    let on_sale = json!({ "listing_id": id, "state": "approved", "version": 2 });
    assert_eq!(answer.json(), on_sale);
    let page = desk.app.store.listing_page(&id, desk.app.now()).await.unwrap();
    assert_eq!(page.revision.description.title, "Rembrandt");
}

#[tokio::test]
async fn what_staff_take_off_sale_its_creator_does_not_put_back() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.waiting(&lena(), "Rembrandt").await;
    let delist = |reason: &str| verdict(&moderator, &id, json!({ "reason": reason }));
    assert_eq!(desk.delist(&delist("Copied.")).await.brief(), "409 not_on_sale");
    assert_eq!(desk.approve(&desk.shown(&moderator, &id).await).await.status(), 200);
    let delisted = json!({ "listing_id": id, "state": "delisted", "version": 1 });
    for _ in 0..2 {
        let answer = desk.delist(&delist("Copied.")).await;
        assert_eq!((answer.status(), answer.json()), (200, delisted.clone()));
    }
    let own = desk.own(&lena(), &id).await.listing;
    let (by, reason) = own.delisted.map(|it| (it.by, it.reason)).unwrap();
    assert_eq!((by, reason.as_deref()), (DelistedBy::Staff, Some("Copied.")));
    let page = desk.app.store.listing_page(&id, desk.app.now()).await;
    assert_eq!(domain::DomainError::code(&page.unwrap_err()), "listing_not_found");
}

/// Images that must not be seen are deleted, and the creator has to upload others.
#[tokio::test]
async fn pictures_that_are_removed_are_erased_and_the_listing_is_off_sale() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.waiting(&lena(), "Rembrandt").await;
    assert_eq!(desk.approve(&desk.shown(&moderator, &id).await).await.status(), 200);
    let due = async || desk.app.store.due_erasures(desk.app.now(), 10).await.unwrap();
    let body = json!({ "reason": "Copied.", "pictures": "keep" });
    assert_eq!(desk.delist(&verdict(&moderator, &id, body)).await.status(), 200);
    assert_eq!(due().await, []);
    assert!(!desk.own(&lena(), &id).await.newest.previews.is_empty());

    let body = json!({ "reason": "Not hers.", "pictures": "remove" });
    for _ in 0..2 {
        assert_eq!(desk.delist(&verdict(&moderator, &id, body.clone())).await.status(), 200);
    }
    let subject = ErasureSubject::ListingPictures { listing_id: id.clone() };
    assert_eq!(due().await, [Erasure::request(subject, desk.app.now())]);
    assert!(desk.own(&lena(), &id).await.newest.previews.is_empty());
    let body = json!({ "reason": "Not hers.", "pictures": "burn" });
    let refused = desk.delist(&verdict(&moderator, &id, body)).await;
    assert_eq!(refused.status(), 422, "{}", refused.pretty());
}

#[tokio::test]
async fn nobody_judges_their_own() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.waiting(&moderator, "Rembrandt").await;
    let own = "403 own_listing";
    assert_eq!(desk.approve(&desk.shown(&moderator, &id).await).await.brief(), own);
    let ask = desk.sent_back(&moderator, &id, "It is mine.").await;
    assert_eq!(desk.reject(&ask).await.brief(), own);
    assert_eq!(desk.approve(&desk.shown(&Actor::admin(), &id).await).await.status(), 200);
    let body = json!({ "reason": "It is mine." });
    assert_eq!(desk.delist(&verdict(&moderator, &id, body)).await.brief(), own);
}

#[tokio::test]
async fn a_verdict_is_about_something_and_has_a_reason() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.waiting(&lena(), "Rembrandt").await;
    let nothing = ListingId::new(desk.app.now(), 999);
    for missing in [nothing.as_str(), "x"] {
        let said = json!({ "content_hash": "0", "reason": "Too dark." });
        let answers = [
            desk.approve(&verdict(&moderator, missing, json!({ "content_hash": "0" }))).await,
            desk.reject(&verdict(&moderator, missing, said)).await,
            desk.delist(&verdict(&moderator, missing, json!({ "reason": "Copied." }))).await,
        ];
        assert_eq!(answers.map(|answer| answer.brief()), ["404 listing_not_found"; 3]);
    }
    for reason in ["", " ", "\u{200b}", &"x".repeat(501)] {
        let said = json!({ "content_hash": "0", "reason": reason });
        let refused = "422 invalid_request, /reason text";
        assert_eq!(desk.reject(&verdict(&moderator, &id, said)).await.brief(), refused);
        let said = json!({ "reason": reason });
        assert_eq!(desk.delist(&verdict(&moderator, &id, said)).await.brief(), refused);
    }
}
