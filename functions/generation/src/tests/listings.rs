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
use testing::{Client, ClientRequest, listings};

use super::{bria_app, get_generation};

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

/// A free listing of the creator's, on sale.
async fn on_sale(creator: &Client<'_>, kind: Kind, content: Content) -> ListingId {
    let app = creator.app();
    let description = Description {
        category: Category::Product,
        content,
        ..listings::description("On slate", 0)
    };
    let id = ListingId::new(app.now(), app.ambient.entropy.next());
    let by = &creator.id;
    listings::draft(&app.store, (by, id.clone()), (kind, description), app.now()).await;
    listings::publish(&app.store, by, &id, app.now()).await;
    id
}

/// Buys a free listing.
async fn bought(buyer: &Client<'_>, listing: &ListingId) {
    let app = buyer.app();
    let (id, now) = (PurchaseId::new(app.now(), 1), app.now());
    let key = Idempotency::new("take".to_owned(), "0".repeat(64));
    let placed = app.store.place_purchase((&buyer.id, None), listing, &key, now, |offer| {
        let price = Money::usd_cents(0);
        Purchase::place(id.clone(), buyer.id.clone(), offer, price, None, now)
    });
    placed.await.unwrap();
}

/// A new title, and with it the next version.
async fn edited(creator: &Client<'_>, listing: &ListingId) {
    let (store, now) = (&creator.app().store, creator.app().now());
    let edited = store.change_listing(&creator.id, listing, now, |update| {
        let edit = Edit { title: Some("On marble".to_owned()), ..Edit::default() };
        let newest = update.listing.edit(update.newest.clone(), edit, now);
        newest.map(|newest| update.newest = newest)
    });
    edited.await.unwrap();
}

/// A generation made with a listing; `more` are the other fields of the request.
fn post_with<'a>(
    member: &Client<'a>,
    key: &str,
    listing: &ListingId,
    more: Value,
) -> ClientRequest<'a> {
    let mut body = json!({"listing_id": listing, "seed": 7});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    member.post("/api/v1/generations").key(key).json(body)
}

#[tokio::test]
async fn a_bought_template_is_filled_and_attributed() {
    let app = bria_app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&lena, Kind::FiboTemplate, template()).await;
    bought(&kim, &listing).await;
    edited(&lena, &listing).await;
    let slots = json!({"slots": {"product": "a brass lamp"}});
    app.engine.take_usage();
    let answer = post_with(&kim, "k", &listing, slots.clone()).await;
    assert_eq!(answer.status(), 202, "{}", answer.pretty());
    let usage = app.engine.take_usage();
    let requests: Vec<_> = usage.requests.into_iter().collect();
    let expected = ["BatchGetItem", "GetItem", "TransactWriteItems"];
    assert_eq!(requests, expected.map(|name| (name.to_owned(), 1)));
    let named = json!({"id": listing, "version": 1, "attribution": "Light by Lena"});
    assert_eq!(answer.json()["listing"], named);

    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let shown = get_generation(&kim, &id).await.json();
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
    let listed = kim.get("/api/v1/generations").await.json();
    assert_eq!(listed["items"][0]["listing"], named);

    let owned = app.store.entitlement(&kim.id, &listing).await.unwrap().unwrap();
    assert_eq!(owned.used_at, Some(app.now()));
    let again = post_with(&kim, "k", &listing, slots.clone()).await;
    assert_eq!(again.json()["id"], json!(id), "the same key");
    let next = post_with(&kim, "next", &listing, slots).await;
    assert_eq!(next.status(), 202);
    app.assert_credits_balance(&kim.id).await;
}

#[tokio::test]
async fn a_listing_that_was_not_bought_cannot_be_used() {
    let app = bria_app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&lena, Kind::FiboTemplate, template()).await;
    let slots = json!({"slots": {"product": "a lamp"}});
    let nothing = ListingId::new(app.now(), 999);
    for id in [&listing, &nothing] {
        let answer = post_with(&kim, "k", id, slots.clone()).await;
        assert_eq!(answer.brief(), "403 listing_not_licensed");
    }
    assert!(app.jobs(&kim.id).await.is_empty());
    app.assert_credits_balance(&kim.id).await;
}

/// A buyer of an earlier version gets what its creator improved, and may stay with what they bought.
#[tokio::test]
async fn a_buyer_uses_the_newest_approved_version_or_the_one_they_bought() {
    let app = bria_app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&lena, Kind::FiboTemplate, template()).await;
    bought(&kim, &listing).await;
    edited(&lena, &listing).await;
    listings::publish(&app.store, &lena.id, &listing, app.now()).await;
    let check = async |version: Value, expected: &str| {
        let mut more = json!({"slots": {"product": "a brass lamp"}});
        if !version.is_null() {
            more["listing_version"] = version.clone();
        }
        let answer = post_with(&kim, &format!("k{version}"), &listing, more).await;
        let used = answer.json()["listing"]["version"].clone();
        assert_eq!(format!("{} {used}", answer.brief()), expected);
    };
    check(json!(null), "202 2").await;
    check(json!(1), "202 1").await;
    check(json!(3), "404 version_not_found null").await;
    let nothing = json!({"prompt": "a lamp", "listing_version": 1});
    let answer = kim.post("/api/v1/generations").key("n").json(nothing).await;
    assert_eq!(answer.brief(), "422 invalid_request, /listing_version without_listing");
}

#[tokio::test]
async fn a_creator_uses_their_newest_version() {
    let app = bria_app();
    let lena = app.sign_in("lena");
    let listing = on_sale(&lena, Kind::FiboTemplate, template()).await;
    edited(&lena, &listing).await;
    let slots = json!({"slots": {"product": "a lamp", "accent": "teal"}});
    let answer = post_with(&lena, "k", &listing, slots).await;
    assert_eq!((answer.status(), &answer.json()["listing"]["version"]), (202, &json!(2)));
}

#[tokio::test]
async fn slots_are_filled_by_name() {
    let app = bria_app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let listing = on_sale(&lena, Kind::FiboTemplate, template()).await;
    bought(&kim, &listing).await;
    let check = async |more: Value, expected: &str| {
        let answer = post_with(&kim, "k", &listing, more).await;
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
    let answer = kim.post("/api/v1/generations").key("k").json(body).await;
    assert_eq!(answer.brief(), "422 invalid_request, /slots without_listing");
    assert!(app.jobs(&kim.id).await.is_empty());
}

#[tokio::test]
async fn a_tailored_model_is_stored_with_the_input_and_never_shown() {
    let app = bria_app();
    let (lena, kim) = (app.sign_in("lena"), app.sign_in("kim"));
    let content = Content { model_id: Some("m-7".to_owned()), ..Content::default() };
    let listing = on_sale(&lena, Kind::ModelFinetune, content).await;
    bought(&kim, &listing).await;
    let alone = post_with(&kim, "k", &listing, json!({})).await;
    assert_eq!(alone.status(), 422, "it needs a prompt");
    let prompt = json!({"prompt": "a brass lamp"});
    let answer = post_with(&kim, "k", &listing, prompt).await;
    assert_eq!(answer.status(), 202, "{}", answer.pretty());
    let id = serde_json::from_value(answer.json()["id"].clone()).unwrap();
    let made = app.store.job_and_input(&kim.id, &id).await.unwrap();
    assert_eq!(made.input.model_id.as_deref(), Some("m-7"));
    for reader in [&kim, &lena] {
        let own = post_with(reader, "l", &listing, json!({"prompt": "a lamp"})).await;
        let id = own.json()["id"].as_str().unwrap().to_owned();
        let shown = get_generation(reader, &id).await;
        assert_eq!(shown.json()["input"]["prompt"], "a lamp");
        assert!(!shown.pretty().contains("m-7"), "{}", shown.pretty());
    }
}

/// A free draft of one's own that names another creator's model.
async fn draft_with(creator: &Client<'_>, model: &str) -> ListingId {
    let (app, now) = (creator.app(), creator.app().now());
    let content = Content { model_id: Some(model.to_owned()), ..Content::default() };
    let description = Description { content, ..listings::description("A model", 0) };
    let id = ListingId::new(now, app.ambient.entropy.next());
    let what = (Kind::ModelFinetune, description);
    listings::draft(&app.store, (&creator.id, id), what, now).await
}

#[tokio::test]
async fn a_model_is_used_by_its_owner_and_by_buyers() {
    let app = bria_app();
    let (lena, kim, mara) = (app.sign_in("lena"), app.sign_in("kim"), app.sign_in("mara"));
    let content = Content { model_id: Some("m-7".to_owned()), ..Content::default() };
    let used = async |by: &Client<'_>, key: &str, listing: &ListingId| {
        post_with(by, key, listing, json!({"prompt": "a brass lamp"})).await.brief()
    };
    let before = draft_with(&lena, "m-7").await;
    assert_eq!(used(&lena, "a", &before).await, "403 model_not_proven", "it is not approved");
    let listing = on_sale(&lena, Kind::ModelFinetune, content).await;
    assert_eq!(used(&lena, "b", &before).await, "202", "it is hers");
    assert_eq!(used(&mara, "c", &listing).await, "403 listing_not_licensed");
    let stolen = draft_with(&mara, "m-7").await;
    assert_eq!(used(&mara, "d", &stolen).await, "403 model_not_proven");

    bought(&kim, &listing).await;
    assert_eq!(used(&kim, "e", &listing).await, "202");
    let copied = draft_with(&kim, "m-7").await;
    assert_eq!(used(&kim, "f", &copied).await, "403 model_not_proven");

    let (store, now) = (&app.store, app.now());
    let entry = listings::judged(Action::DelistListing, &listing);
    let delisted = store.moderate_listing(&entry, &listing, now, |update| {
        update.listing.delist(DelistedBy::Staff, Some("Not hers.".to_owned()), now)
    });
    delisted.await.unwrap();
    assert_eq!(used(&kim, "g", &listing).await, "202", "the buyer keeps it");
    assert_eq!(used(&lena, "h", &listing).await, "403 model_not_proven");
    listings::publish(store, &mara.id, &stolen, now).await;
    assert_eq!(used(&mara, "i", &stolen).await, "202", "staff found that it was hers");
    assert_eq!(used(&kim, "j", &listing).await, "403 model_not_proven");
    assert_eq!(used(&lena, "k", &before).await, "403 model_not_proven");
    app.assert_credits_balance(&kim.id).await;
}
