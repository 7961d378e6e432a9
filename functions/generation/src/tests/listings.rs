//! Images made with purchased listings.

use domain::{
    audit::Action,
    id::{ListingId, PurchaseId},
    lighting::LightingRig,
    marketplace::{
        Category, Kind,
        listing::{
            DelistedBy,
            content::Content,
            revision::{Description, Edit},
        },
        purchase::Purchase,
    },
    money::Money,
};
use expect_test::expect;
use serde_json::{Value, json};
use store::Idempotency;
use testing::{Actor, TestRequest, listings};

use super::Studio;

/// A template with two slots, one of which must be filled.
fn template() -> Content {
    let json = json!({
        "structured_prompt": {
            "short_description": "{{product}} on slate", "background_setting": "A grey studio.",
            "lighting": {"conditions": "soft"},
            "aesthetics": {"composition": "centred", "color_scheme": "{{accent}} on neutrals"},
            "context": "An advertisement for {{product}}.",
        },
        "lighting": LightingRig::rembrandt(),
        "slots": [
            {"name": "product", "label": "What is shown"},
            {"name": "accent", "label": "The accent colour", "default": "amber"},
        ],
    });
    serde_json::from_value(json).unwrap()
}

impl Studio {
    /// A free listing of the creator's, on sale.
    async fn on_sale(&self, creator: &Actor, kind: Kind, content: Content) -> ListingId {
        let (store, now) = (&self.app.store, self.app.now());
        let description = Description {
            category: Category::Product,
            content,
            ..listings::description("On slate", 0)
        };
        let id = ListingId::new(now, self.app.ambient.entropy.next());
        let by = &creator.id;
        listings::draft(store, (by, id.clone()), (kind, description), now).await;
        listings::publish(store, by, &id, now).await;
        id
    }

    async fn taken(&self, buyer: &Actor, listing: &ListingId) {
        let (id, now) = (PurchaseId::new(self.app.now(), 1), self.app.now());
        let key = Idempotency { key: "take".to_owned(), fingerprint: "0".repeat(64) };
        let store = &self.app.store;
        let placed = store.place_purchase((&buyer.id, None), listing, &key, now, |offer| {
            let price = Money::usd_cents(0);
            Purchase::place(id.clone(), buyer.id.clone(), offer, price, None, now)
        });
        placed.await.unwrap();
    }

    /// A new title, and with it the next version.
    async fn edited(&self, creator: &Actor, listing: &ListingId) {
        let (store, now) = (&self.app.store, self.app.now());
        let edited = store.change_listing(&creator.id, listing, now, |shelf| {
            let edit = Edit { title: Some("On marble".to_owned()), ..Edit::default() };
            shelf.listing.edit(shelf.newest.clone(), edit, now).map(|newest| shelf.newest = newest)
        });
        edited.await.unwrap();
    }
}

fn with_it(by: &Actor, key: &str, listing: &ListingId, more: Value) -> TestRequest {
    let mut body = json!({"listing_id": listing, "seed": 7});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    TestRequest::by(by).key(key).json(body)
}

#[tokio::test]
async fn a_bought_template_is_filled_and_named() {
    let studio = Studio::open();
    let (lena, kim) = (Actor::member("lena"), Actor::member("kim"));
    let listing = studio.on_sale(&lena, Kind::FiboTemplate, template()).await;
    studio.taken(&kim, &listing).await;
    studio.edited(&lena, &listing).await;
    let slots = json!({"slots": {"product": "a brass lamp"}});
    studio.app.engine.take_usage();
    let answer = studio.create(&with_it(&kim, "k", &listing, slots.clone())).await;
    assert_eq!(answer.status(), 202, "{}", answer.pretty());
    let usage = studio.app.engine.take_usage();
    let requests: Vec<_> = usage.requests.into_iter().collect();
    let expected = ["BatchGetItem", "GetItem", "TransactWriteItems"];
    assert_eq!(requests, expected.map(|name| (name.to_owned(), 1)));
    let named = json!({"id": listing, "version": 1, "attribution": "Light by Lena"});
    assert_eq!(answer.json()["listing"], named);

    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let shown = studio.get(&TestRequest::by(&kim).path("id", &id)).await.json();
    assert_eq!(shown["listing"], named);
    let mut input = shown["input"].clone();
    let rig = input["lighting"].take();
    assert_eq!(rig, serde_json::to_value(LightingRig::rembrandt()).unwrap());
    expect![[r#"
        {
          "aspect_ratio": "1:1",
          "lighting": null,
          "quality": "standard",
          "seed": 7,
          "structured_prompt": {
            "aesthetics": {
              "color_scheme": "amber on neutrals",
              "composition": "centred"
            },
            "background_setting": "A grey studio.",
            "context": "An advertisement for a brass lamp.",
            "lighting": {
              "conditions": "soft"
            },
            "short_description": "a brass lamp on slate"
          }
        }"#]]
    .assert_eq(&format!("{input:#}"));
    let listed = studio.list(&TestRequest::by(&kim)).await.json();
    assert_eq!(listed["items"][0]["listing"], named);

    let owned = studio.app.store.entitlement(&kim.id, &listing).await.unwrap().unwrap();
    assert_eq!(owned.used_at, Some(studio.app.now()));
    let again = studio.create(&with_it(&kim, "k", &listing, slots.clone())).await;
    assert_eq!(again.json()["id"], json!(id), "the same key");
    let next = studio.create(&with_it(&kim, "next", &listing, slots)).await;
    assert_eq!(next.status(), 202);
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn what_was_not_bought_is_not_used() {
    let studio = Studio::open();
    let (lena, kim) = (Actor::member("lena"), Actor::member("kim"));
    let listing = studio.on_sale(&lena, Kind::FiboTemplate, template()).await;
    let slots = json!({"slots": {"product": "a lamp"}});
    let nothing = ListingId::new(studio.app.now(), 999);
    for id in [&listing, &nothing] {
        let answer = studio.create(&with_it(&kim, "k", id, slots.clone())).await;
        assert_eq!(answer.brief(), "403 listing_not_licensed");
    }
    assert!(studio.app.jobs(&kim.id).await.is_empty());
    studio.app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_creator_uses_their_newest_version() {
    let (studio, lena) = (Studio::open(), Actor::member("lena"));
    let listing = studio.on_sale(&lena, Kind::FiboTemplate, template()).await;
    studio.edited(&lena, &listing).await;
    let slots = json!({"slots": {"product": "a lamp", "accent": "teal"}});
    let answer = studio.create(&with_it(&lena, "k", &listing, slots)).await;
    assert_eq!((answer.status(), &answer.json()["listing"]["version"]), (202, &json!(2)));
}

#[tokio::test]
async fn slots_are_filled_by_name() {
    let studio = Studio::open();
    let (lena, kim) = (Actor::member("lena"), Actor::member("kim"));
    let listing = studio.on_sale(&lena, Kind::FiboTemplate, template()).await;
    studio.taken(&kim, &listing).await;
    let check = async |more: Value, expected: &str| {
        let answer = studio.create(&with_it(&kim, "k", &listing, more)).await;
        assert_eq!(answer.brief(), expected);
    };
    check(json!({}), "422 invalid_request, /slots/product missing").await;
    let unknown = json!({"slots": {"product": "a lamp", "colour": "red"}});
    check(unknown, "422 invalid_request, /slots/colour unknown_slot").await;
    let long = json!({"slots": {"product": "x".repeat(201)}});
    check(long, "422 invalid_request, /slots/product length").await;
    let nested = json!({"slots": {"product": "{{accent}}"}});
    check(nested, "422 invalid_request, /slots/product text").await;
    check(json!({"slots": {"product": 7}}), "422 invalid_request, /slots/product wrong_type").await;
    let both = json!({"preset_id": "pre_01JD0000000000000000000000"});
    check(both, "422 invalid_request, (whole) one_of").await;
    let body = json!({"prompt": "a chair", "slots": {"product": "a lamp"}});
    let answer = studio.create(&TestRequest::by(&kim).key("k").json(body)).await;
    assert_eq!(answer.brief(), "422 invalid_request, /slots without_listing");
    assert!(studio.app.jobs(&kim.id).await.is_empty());
}

#[tokio::test]
async fn a_tailored_model_is_kept_with_what_the_image_is_made_from() {
    let studio = Studio::open();
    let (lena, kim) = (Actor::member("lena"), Actor::member("kim"));
    let content = Content { model_id: Some("m-7".to_owned()), ..Content::default() };
    let listing = studio.on_sale(&lena, Kind::ModelFinetune, content).await;
    studio.taken(&kim, &listing).await;
    let alone = studio.create(&with_it(&kim, "k", &listing, json!({}))).await;
    assert_eq!(alone.status(), 422, "it needs a prompt");
    let prompt = json!({"prompt": "a brass lamp"});
    let answer = studio.create(&with_it(&kim, "k", &listing, prompt)).await;
    assert_eq!(answer.status(), 202, "{}", answer.pretty());
    let id = serde_json::from_value(answer.json()["id"].clone()).unwrap();
    let made = studio.app.store.job_and_input(&kim.id, &id).await.unwrap();
    assert_eq!(made.input.model_id.as_deref(), Some("m-7"));
    for reader in [&kim, &lena] {
        let own = studio.create(&with_it(reader, "l", &listing, json!({"prompt": "a lamp"}))).await;
        let id = own.json()["id"].as_str().unwrap().to_owned();
        let shown = studio.get(&TestRequest::by(reader).path("id", &id)).await;
        assert_eq!(shown.json()["input"]["prompt"], "a lamp");
        assert!(!shown.pretty().contains("m-7"), "{}", shown.pretty());
    }
}

/// A free draft of one's own that names another creator's model.
async fn draft_with(studio: &Studio, creator: &Actor, model: &str) -> ListingId {
    let (store, now) = (&studio.app.store, studio.app.now());
    let content = Content { model_id: Some(model.to_owned()), ..Content::default() };
    let description = Description { content, ..listings::description("A model", 0) };
    let id = ListingId::new(now, studio.app.ambient.entropy.next());
    let what = (Kind::ModelFinetune, description);
    listings::draft(store, (&creator.id, id), what, now).await
}

#[tokio::test]
async fn a_model_is_used_by_who_it_belongs_to_and_by_who_bought_it() {
    let studio = Studio::open();
    let (lena, kim, mara) = (Actor::member("lena"), Actor::member("kim"), Actor::member("mara"));
    let content = Content { model_id: Some("m-7".to_owned()), ..Content::default() };
    let used = async |by: &Actor, key: &str, listing: &ListingId| {
        let ask = with_it(by, key, listing, json!({"prompt": "a brass lamp"}));
        studio.create(&ask).await.brief()
    };
    let before = draft_with(&studio, &lena, "m-7").await;
    assert_eq!(used(&lena, "a", &before).await, "403 model_not_proven", "it is not approved");
    let listing = studio.on_sale(&lena, Kind::ModelFinetune, content).await;
    assert_eq!(used(&lena, "b", &before).await, "202", "it is hers");
    assert_eq!(used(&mara, "c", &listing).await, "403 listing_not_licensed");
    let stolen = draft_with(&studio, &mara, "m-7").await;
    assert_eq!(used(&mara, "d", &stolen).await, "403 model_not_proven");

    studio.taken(&kim, &listing).await;
    assert_eq!(used(&kim, "e", &listing).await, "202");
    let copied = draft_with(&studio, &kim, "m-7").await;
    assert_eq!(used(&kim, "f", &copied).await, "403 model_not_proven");

    let (store, now) = (&studio.app.store, studio.app.now());
    let deed = listings::judged(Action::DelistListing, &listing);
    let taken_off = store.moderate_listing(&deed, &listing, now, |shelf| {
        shelf.listing.delist(DelistedBy::Staff, Some("Not hers.".to_owned()), now)
    });
    taken_off.await.unwrap();
    assert_eq!(used(&kim, "g", &listing).await, "202", "the buyer keeps it");
    assert_eq!(used(&lena, "h", &listing).await, "403 model_not_proven");
    listings::publish(store, &mara.id, &stolen, now).await;
    assert_eq!(used(&mara, "i", &stolen).await, "202", "staff found that it was hers");
    assert_eq!(used(&kim, "j", &listing).await, "403 model_not_proven");
    assert_eq!(used(&lena, "k", &before).await, "403 model_not_proven");
    studio.app.assert_credits_balance(&kim.id).await;
}
