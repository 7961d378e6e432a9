//! Drafts, versions, and rejected content.

use std::collections::BTreeSet;

use domain::{
    id::{ListingId, UploadId},
    lighting::LightingRig,
    marketplace::{
        Kind,
        listing::{content::Content, revision::Description, upload::Preview},
        moderation::strike,
    },
};
use serde_json::{Value, json};
use store::PageSize;
use testing::{Client, listings};

use super::{
    CREATOR_LISTINGS, LISTINGS, app,
    listing_steps::{
        approve, draft, draft_of, lighting, on_sale, page, publish, reject, search, submit,
        template, titles,
    },
};

#[tokio::test]
async fn a_listing_from_draft_to_retirement() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "Rembrandt at Dusk").await;
    assert_eq!(page(&app, &id).await.brief(), "404 listing_not_found");
    let own = kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.json();
    assert_eq!(
        (&own["status"], &own["hidden_by"]),
        (&json!("draft"), &json!([{ "code": "not_submitted", "reason": null, "until": null }]))
    );
    assert_eq!(own["tags"], json!(["low-key", "moody"]));

    let submitted = kim.post(format!("{LISTINGS}/{id}/submit")).await;
    assert_eq!(submitted.status(), 202, "{}", submitted.pretty());
    assert_eq!(submitted.header("retry-after"), Some("3"));
    let location = submitted.header("location").unwrap();
    assert!(location.ends_with(&format!("{CREATOR_LISTINGS}/{id}")), "{location}");
    let submitted = submitted.json();
    assert_eq!((&submitted["status"], &submitted["previews"]), (&json!("preparing"), &json!([])));
    assert_eq!(submitted["review"]["status"], "preparing");
    for (state, retry_after) in [("preparing", Some("3")), ("pending", None)] {
        let own = kim.get(format!("{CREATOR_LISTINGS}/{id}")).await;
        assert_eq!(own.header("retry-after"), retry_after, "{state}");
        assert_eq!(own.json()["status"], state);
        let again = kim.post(format!("{LISTINGS}/{id}/submit")).await;
        assert_eq!(again.brief(), "409 listing_in_review");
        if state == "preparing" {
            listings::prepare(&app.store, &id, app.now()).await;
        }
    }
    approve(&app, &id).await;
    let public = page(&app, &id).await;
    assert_eq!(public.status(), 200, "{}", public.pretty());
    assert_eq!(public.header("cache-control"), Some("public, max-age=30"));
    let text = public.pretty();
    for secret in ["azimuth", "\"lighting\"", "lights", "signature"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(titles(&app, &[("q", "rembrant")]).await, ["Rembrandt at Dusk"]);

    assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.status(), 204);
    assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.status(), 204);
    assert!(titles(&app, &[("q", "rembrandt")]).await.is_empty());
    assert_eq!(page(&app, &id).await.brief(), "404 listing_not_found");
    assert_eq!(
        kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.json()["hidden_by"][0]["code"],
        "retired"
    );
}

#[tokio::test]
async fn a_listing_that_was_never_on_sale_can_be_deleted_and_makes_room() {
    let app = app();
    let kim = app.sign_in("kim");
    let unsent = draft(&kim, "A draft").await;
    let waits = draft(&kim, "Waits").await;
    submit(&app, &kim, &waits).await;
    let sent_back = draft(&kim, "Sent back").await;
    submit(&app, &kim, &sent_back).await;
    reject(&app, &sent_back, "Too dark.").await;
    let better = json!({ "title": "Better" });
    let edited = kim.patch(format!("{LISTINGS}/{sent_back}")).json(better).await;
    assert_eq!(edited.json()["version"], 2);
    let book = async || app.store.creator_book(&kim.id).await.unwrap().listings;
    assert_eq!(book().await, 3);
    for (nth, id) in [&unsent, &waits, &sent_back].into_iter().enumerate() {
        assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.status(), 204);
        assert_eq!(book().await, 2 - u16::try_from(nth).unwrap());
        assert_eq!(
            kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.brief(),
            "404 listing_not_found"
        );
        assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.brief(), "404 listing_not_found");
        assert_eq!(
            kim.post(format!("{LISTINGS}/{id}/submit")).await.brief(),
            "404 listing_not_found"
        );
    }
    assert_eq!(kim.get(CREATOR_LISTINGS).await.json()["items"], json!([]));
    let erased = app.store.due_erasures(app.now(), None, 10).await.unwrap().items;
    let erased: BTreeSet<String> = erased.iter().map(|it| it.subject.name()).collect();
    let deleted = [&unsent, &waits, &sent_back].map(|id| format!("listing#{id}"));
    assert_eq!(erased, BTreeSet::from(deleted), "their files are deleted");
    let pending = app.store.pending_listings(PageSize::WHOLE, None).await.unwrap();
    assert!(pending.items.is_empty(), "{pending:?}");
    let remaining = app.engine.dump().into_iter().filter(|item| {
        let (pk, sk) = (item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap());
        pk.starts_with("LISTING#") && !sk.starts_with("UPLOAD#")
    });
    assert_eq!(remaining.count(), 0);
}

/// Nothing is drawn or compared in the request.
#[tokio::test]
async fn a_submission_costs_few_trips() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "Rembrandt at Dusk").await;
    app.engine.take_usage();
    assert_eq!(kim.post(format!("{LISTINGS}/{id}/submit")).await.status(), 202);
    let trips = app.engine.take_usage().round_trips();
    assert!(trips <= 8, "{trips} trips");
    assert!(app.previews_bucket().keys().await.is_empty());
}

#[tokio::test]
async fn pictures_and_files_of_a_draft_are_removed_and_ordered() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "Rembrandt at Dusk").await;
    let (store, now) = (&app.store, app.now());
    listings::with_file(store, &kim.id, &id, now).await;
    let names = [11, 12, 13].map(|number| UploadId::new(now, number));
    let added = store.change_listing(&kim.id, &id, now, |update| {
        for upload_id in names.clone() {
            update.newest.add_preview(Preview { upload_id, width: 9, height: 6, drawn: false });
        }
    });
    added.await.unwrap();
    let ids = |own: &Value| -> Vec<Value> {
        own["previews"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect()
    };
    let path = format!("{LISTINGS}/{id}");
    let own = kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.json();
    assert_eq!(ids(&own), names.clone().map(|name| json!(name)));
    let asset = own["assets"][0]["id"].clone();

    let order = json!({ "preview_order": [names[2], names[0]] });
    for _ in 0..2 {
        let ordered = kim.patch(&path).json(order.clone()).await;
        assert_eq!(ordered.status(), 200, "{}", ordered.pretty());
        assert_eq!(ids(&ordered.json()), [json!(names[2]), json!(names[0]), json!(names[1])]);
    }
    assert_eq!(store.due_erasures(now, None, 10).await.unwrap().items, []);
    let removed = json!({ "remove": [names[0], asset] });
    for _ in 0..2 {
        let left = kim.patch(&path).json(removed.clone()).await.json();
        assert_eq!(ids(&left), [json!(names[2]), json!(names[1])]);
        assert_eq!(left["assets"], json!([]));
    }
    let erased = store.due_erasures(now, None, 10).await.unwrap().items;
    let erased: BTreeSet<String> = erased.iter().map(|it| it.subject.name()).collect();
    let gone = [names[0].to_string(), asset.as_str().unwrap().to_owned()];
    assert_eq!(erased, BTreeSet::from(gone.map(|name| format!("upload#{id}#{name}"))));
    let unknown = kim.patch(&path).json(json!({ "preview_order": [names[0]] })).await;
    assert_eq!(unknown.brief(), "422 invalid_request, /preview_order/0 unknown_preview");

    // What is on sale has them still, and the next version has the others.
    publish(&app, &kim, &id).await;
    let sold = page(&app, &id).await.json()["previews"].clone();
    let next = kim.patch(&path).json(json!({ "remove": [names[1], names[2]] })).await.json();
    assert_eq!(next["version"], 2);
    assert_eq!(page(&app, &id).await.json()["previews"], sold);
    let used = store.uploads_in_use(&id).await.unwrap();
    assert!(used.contains(&names[1]) && used.contains(&names[2]) && !used.contains(&names[0]));
}

/// For a listing taken off sale before, with a next version whose images are still pending.
#[tokio::test]
async fn when_a_creator_leaves_the_pictures_of_every_version_are_deleted() {
    let app = app();
    let kim = app.sign_in("kim");
    let (store, now) = (app.store.clone(), app.now());
    let id = draft(&kim, "Rembrandt at Dusk").await;
    submit(&app, &kim, &id).await;
    approve(&app, &id).await;
    let content = json!({ "content": { "lighting": LightingRig::three_point() } });
    assert_eq!(kim.patch(format!("{LISTINGS}/{id}")).json(content).await.status(), 200);
    assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.status(), 204);
    let pictures = async || {
        let versions = store.own_listing(&kim.id, &id).await.unwrap();
        (versions.newest.previews.len(), versions.on_sale.unwrap().previews.len())
    };
    assert_eq!(pictures().await, (0, 1));
    for _ in 0..2 {
        assert_eq!(store.close_down(&kim.id, now).await.unwrap(), 0);
    }
    assert_eq!(pictures().await, (0, 0));
    let erased = store.due_erasures(now, None, 10).await.unwrap().items;
    let erased: BTreeSet<String> = erased.iter().map(|it| it.subject.name()).collect();
    assert_eq!(erased, BTreeSet::from([format!("listing#{id}"), format!("pictures#{id}")]));
}

#[tokio::test]
async fn an_edit_is_the_next_version_and_the_old_one_stays_on_sale() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "First light").await;
    let edited =
        kim.patch(format!("{LISTINGS}/{id}")).json(json!({ "title": "Second light" })).await;
    assert_eq!((edited.status(), &edited.json()["version"]), (200, &json!(2)));
    assert_eq!(page(&app, &id).await.json()["title"], "First light");
    assert_eq!(titles(&app, &[("q", "light")]).await, ["First light"]);
    publish(&app, &kim, &id).await;
    assert_eq!(page(&app, &id).await.json()["title"], "Second light");
    assert_eq!(titles(&app, &[("q", "light")]).await, ["Second light"]);
    assert_eq!(kim.get(CREATOR_LISTINGS).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_change_may_be_conditional_on_the_current_state() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    let tag = kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.header("etag").unwrap().to_owned();
    let tagged = || kim.patch(format!("{LISTINGS}/{id}")).header("If-Match", &tag);
    let first = tagged().json(json!({ "title": "Another light" })).await;
    assert_eq!(first.status(), 200, "{}", first.pretty());
    let late = tagged().json(json!({ "title": "Too late" })).await;
    assert_eq!(late.brief(), "412 precondition_failed");
    let any = kim.patch(format!("{LISTINGS}/{id}")).header("If-Match", "*");
    let signed = any.json(json!({ "attribution": "Light by Kim" })).await;
    assert_eq!(signed.json()["attribution"], "Light by Kim");
    let untouched =
        kim.patch(format!("{LISTINGS}/{id}")).json(json!({ "title": "Third light" })).await;
    assert_eq!(untouched.json()["attribution"], "Light by Kim");
    let cleared = kim.patch(format!("{LISTINGS}/{id}")).json(json!({ "attribution": null })).await;
    assert_eq!(cleared.json()["attribution"], Value::Null);
}

#[tokio::test]
async fn the_listings_of_others_do_not_exist() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    app.account(&ada.id).await;
    let id = draft(&kim, "A light").await;
    let request = json!({ "purpose": "preview", "content_type": "image/png", "bytes": 10 });
    for answer in [
        ada.patch(format!("{LISTINGS}/{id}")).json(json!({ "title": "Mine now" })).await,
        ada.post(format!("{LISTINGS}/{id}/submit")).await,
        ada.delete(format!("{LISTINGS}/{id}")).await,
        ada.get(format!("{CREATOR_LISTINGS}/{id}")).await,
        ada.post(format!("{LISTINGS}/{id}/uploads")).json(request.clone()).await,
    ] {
        assert_eq!(answer.brief(), "404 listing_not_found");
    }
    app.suspend(&kim.id, "spam", None).await;
    for answer in [
        kim.patch(format!("{LISTINGS}/{id}")).json(json!({ "title": "Still mine" })).await,
        kim.post(format!("{LISTINGS}/{id}/submit")).await,
        kim.post(format!("{LISTINGS}/{id}/uploads")).json(request).await,
        kim.post(LISTINGS).key("another").json(lighting("Another light")).await,
    ] {
        assert_eq!(answer.brief(), "403 account_suspended");
    }
}

#[tokio::test]
async fn invalid_listings_are_refused_by_field() {
    let app = app();
    let kim = app.sign_in("kim");
    let mut nth = 0;
    let mut check = async |change: Value, expected: &str| {
        nth += 1;
        let mut body = lighting("A light");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = kim.post(LISTINGS).key(&format!("key-{nth}")).json(body).await;
        assert_eq!(answer.brief(), expected, "{change}");
    };
    let usd = |amount: i64| json!({ "price": { "amount": amount, "currency": "usd" } });
    check(usd(499), "422 invalid_request, /price/amount out_of_band").await;
    check(usd(1_501), "422 invalid_request, /price/amount out_of_band").await;
    check(usd(-1), "422 invalid_request, /price/amount out_of_band").await;
    let euros = json!({ "price": { "amount": 900, "currency": "eur" } });
    check(euros, "422 invalid_request, /price/currency currency").await;
    let invisible = json!({ "title": "\u{200b}\u{200b}\u{200b}\u{200b}" });
    check(invisible, "422 invalid_request, /title invisible_text, /title words").await;
    check(json!({ "title": "x".repeat(10_000) }), "422 invalid_request, /title length").await;
    let bomb: Vec<String> = (0..1_000).map(|nth| format!("tag {nth}")).collect();
    check(json!({ "tags": bomb }), "422 invalid_request, /tags too_many").await;
    let camera = json!({ "content": { "camera": { "focal_length_mm": 85.0 } } });
    check(camera, "422 invalid_request, /content/lighting missing").await;
    let model = json!({ "content": {
        "lighting": { "lights": [{ "role": "key" }] }, "model_id": "m-1",
    } });
    check(model, "422 invalid_request, /content/model_id not_of_this_type").await;
    let steep = json!({ "content": {
        "lighting": { "lights": [{ "role": "key", "elevation": 190.0 }] },
    } });
    check(steep, "422 invalid_request, /content/lighting/lights/0/elevation out_of_range").await;
    check(json!({ "owner": "me" }), "422 invalid_request, /owner unknown_field").await;
}

#[tokio::test]
async fn the_same_key_is_the_same_listing() {
    let app = app();
    let kim = app.sign_in("kim");
    let first = kim.post(LISTINGS).key("one").json(lighting("A light")).await.json();
    let again = kim.post(LISTINGS).key("one").json(lighting("A light")).await.json();
    assert_eq!(first["id"], again["id"]);
    let other = kim.post(LISTINGS).key("one").json(lighting("Another")).await;
    assert_eq!(other.brief(), "422 idempotency_key_reused");
    assert_eq!(kim.get(CREATOR_LISTINGS).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_near_copy_is_reported_to_the_moderator() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let original = draft(&kim, "The original").await;
    submit(&app, &kim, &original).await;
    approve(&app, &original).await;
    let copy = draft(&ada, "All my own work").await;
    submit(&app, &ada, &copy).await;
    let similar = app.store.any_listing(&copy).await.unwrap().newest.similar;
    assert_eq!((&similar[0].listing_id, similar[0].score), (&original, 100));
}

#[tokio::test]
async fn invalid_changes_are_refused_by_field() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    let check = async |change: Value, expected: &str| {
        let answer = kim.patch(format!("{LISTINGS}/{id}")).json(change.clone()).await;
        assert_eq!(answer.brief(), expected, "{change}");
    };
    check(json!({ "type": "camera_preset" }), "422 invalid_request, /type unknown_field").await;
    let yen = json!({ "price": { "amount": 900, "currency": "jpy" } });
    check(yen, "422 invalid_request, /price/currency currency").await;
    let dark = json!({ "content": { "lighting": { "lights": [] } } });
    let lights =
        "422 invalid_request, /content/lighting/lights count, /content/lighting/lights dark";
    check(dark, lights).await;
    let text =
        json!({ "content": { "lighting": { "lights": [{ "role": "key", "size": "big" }] } } });
    check(text, "422 invalid_request, /content/lighting/lights/0/size wrong_type").await;
    let wide = json!({ "demo": { "stops_max": 9.0, "subjects": [] } });
    check(wide, "422 invalid_request, /demo/stops_max out_of_range, /demo/subjects count").await;
    check(json!({}), "200").await;
}

/// An omitted field stays. `null` clears an optional field, and is invalid for any other.
#[tokio::test]
async fn null_is_a_value_and_not_an_omission() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    for field in ["title", "description", "category", "tags", "price", "demo", "content"] {
        let answer = kim.patch(format!("{LISTINGS}/{id}")).json(json!({ field: null })).await;
        assert_eq!(answer.brief(), format!("422 invalid_request, /{field} wrong_type"));
    }
    let same = kim.patch(format!("{LISTINGS}/{id}")).json(json!({})).await.json();
    assert_eq!((&same["title"], same["tags"].is_array()), (&json!("A light"), true));
    let cleared = kim.patch(format!("{LISTINGS}/{id}")).json(json!({ "attribution": null })).await;
    assert_eq!(cleared.status(), 200, "{}", cleared.pretty());
}

/// Unicode and line ends are normalised.
#[tokio::test]
async fn text_is_stored_in_one_form() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    let sent = json!({
        "title": "Lumie\u{300}re 👩🏽\u{200d}🚀",
        "description": "First\r\nsecond",
        "tags": ["Cafe\u{301}", "café", "แสงนุ่ม", "गर्मी", "نیم\u{200c}رخ"],
    });
    let saved = kim.patch(format!("{LISTINGS}/{id}")).json(sent).await;
    assert_eq!(saved.status(), 200, "{}", saved.pretty());
    let saved = saved.json();
    assert_eq!(saved["title"], "Lumière 👩🏽\u{200d}🚀");
    assert_eq!(saved["description"], "First\nsecond");
    assert_eq!(saved["tags"], json!(["café", "نیم\u{200c}رخ", "गर्मी", "แสงนุ่ม"]));
}

#[tokio::test]
async fn a_template_shows_its_slots_and_not_its_prompt() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft_of(&kim, template("On slate")).await;
    publish(&app, &kim, &id).await;
    let public = page(&app, &id).await.json();
    assert_eq!(public["slots"], json!([{ "name": "product", "label": "What is shown" }]));
    assert_eq!(public["demo"]["enabled"], true);
    let found = search(&app, &[("q", "slate")]).await;
    for shown in [public.to_string(), found.pretty()] {
        assert!(!shown.contains("recipe") && !shown.contains("a bottle"), "{shown}");
    }
    assert_eq!(
        kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.json()["content"]["slots"][0]["default"],
        "a bottle"
    );
}

#[tokio::test]
async fn a_rejection_says_why_and_the_next_version_is_another() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let original = draft(&kim, "The original").await;
    submit(&app, &kim, &original).await;
    approve(&app, &original).await;
    let id = draft(&ada, "A copy").await;
    submit(&app, &ada, &id).await;
    let submitted = ada.get(format!("{CREATOR_LISTINGS}/{id}")).await;
    assert!(
        !submitted.pretty().contains(original.as_str()),
        "similar listings are not shown to the creator"
    );
    reject(&app, &id, "Too near to another.").await;
    let own = ada.get(format!("{CREATOR_LISTINGS}/{id}")).await.json();
    assert_eq!(own["status"], "rejected");
    assert_eq!(own["review"]["reason"], "Too near to another.");
    let edited =
        ada.patch(format!("{LISTINGS}/{id}")).json(json!({ "title": "My own" })).await.json();
    assert_eq!((&edited["status"], &edited["version"]), (&json!("draft"), &json!(2)));
}

#[tokio::test]
async fn own_listings_come_in_pages_the_newest_first() {
    let app = app();
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let mut created = Vec::new();
    for nth in 0..5 {
        created.insert(0, draft(&kim, &format!("Light {nth}")).await.to_string());
        app.ambient.clock.advance(std::time::Duration::from_secs(1));
    }
    draft(&ada, "Not hers").await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let request = kim.get(CREATOR_LISTINGS).query("limit", 2);
        let request = cursor.iter().fold(request, |request, it| request.query("cursor", it));
        let page = request.await.json();
        for item in page["items"].as_array().unwrap() {
            let id = item["id"].as_str().unwrap();
            let own = kim.get(format!("{CREATOR_LISTINGS}/{id}")).await.json();
            assert_eq!(*item, own, "one view of it");
            seen.push(id.to_owned());
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, created);
    let odd = kim.get(CREATOR_LISTINGS).query("cursor", "~").await;
    assert_eq!(odd.brief(), "422 invalid_request, /cursor invalid_value");
}

#[tokio::test]
async fn a_creator_with_three_strikes_edits_drafts_and_submits_nothing() {
    let app = app();
    let kim = app.sign_in("kim");
    let unsent = draft(&kim, "A draft").await;
    let (store, now) = (&app.store, app.now());
    for nth in 0..3 {
        let copied = draft(&kim, &format!("Copy {nth}")).await;
        submit(&app, &kim, &copied).await;
        approve(&app, &copied).await;
        listings::strike(store, &copied, now).await;
    }
    let refused = kim.post(format!("{LISTINGS}/{unsent}/submit")).await;
    assert_eq!(refused.brief(), "409 selling_suspended");
    assert_eq!(refused.json()["until"], json!(now.plus(strike::STRIKE_COUNTS)));
    let own = kim.get(format!("{CREATOR_LISTINGS}/{unsent}")).await.json();
    let until = json!(now.plus(strike::STRIKE_COUNTS));
    let struck = json!({ "code": "selling_suspended", "reason": null, "until": until });
    assert_eq!(
        (&own["hidden_by"][0]["code"], &own["hidden_by"][1]),
        (&json!("not_submitted"), &struck)
    );
    draft(&kim, "Another draft").await;
    app.ambient.clock.advance(strike::STRIKE_COUNTS);
    assert_eq!(
        kim.post(format!("{LISTINGS}/{unsent}/submit")).await.status(),
        202,
        "the suspension expires"
    );
}

/// Listings follow their creator's right to sell within a minute; one that is changed meanwhile
/// follows at once.
#[tokio::test]
async fn a_change_hides_or_shows_a_listing_that_has_not_followed_yet() {
    let app = app();
    let kim = app.sign_in("kim");
    let edited = on_sale(&app, &kim, "Rembrandt at Dusk").await;
    let submitted = on_sale(&app, &kim, "Butterfly at Noon").await;
    for nth in 0..3 {
        let copied = on_sale(&app, &kim, &format!("Copy {nth}")).await;
        listings::strike_alone(&app.store, &copied, app.now()).await;
    }
    let change = async |id: &ListingId, title: &str| {
        kim.patch(format!("{LISTINGS}/{id}")).json(json!({ "title": title })).await.status()
    };
    let found = async || {
        let all = listings::on_sale(&app.store).await;
        [&edited, &submitted].map(|id| all.iter().any(|it| it.card.id == *id))
    };
    assert_eq!(found().await, [true, true], "they have not followed");
    for id in [&edited, &submitted] {
        assert_eq!(change(id, "The next version").await, 200);
    }
    assert_eq!(found().await, [false, false]);
    app.ambient.clock.advance(strike::STRIKE_COUNTS);
    assert_eq!(found().await, [false, false], "nor now");
    assert_eq!(change(&edited, "Another title").await, 200);
    assert_eq!(kim.post(format!("{LISTINGS}/{submitted}/submit")).await.status(), 202);
    assert_eq!(found().await, [true, true]);
}

/// A version is submitted once, shows something, and its model is not another creator's.
#[tokio::test]
async fn what_cannot_be_submitted_says_why() {
    let app = app();
    let (store, now) = (&app.store, app.now());
    let (kim, ada) = (app.sign_in("kim"), app.sign_in("ada"));
    let submitted = async |by: &Client<'_>, id: &ListingId| {
        by.post(format!("{LISTINGS}/{id}/submit")).await.brief()
    };
    let sold = on_sale(&app, &kim, "Rembrandt at Dusk").await;
    assert_eq!(submitted(&kim, &sold).await, "409 no_draft");
    let model = async |by: &Client<'_>, number| {
        let content = Content { model_id: Some("acme-v1".to_owned()), ..Content::default() };
        let described = Description { content, ..listings::description("Silver prints", 0) };
        let id = ListingId::new(now, number);
        listings::draft(store, (&by.id, id), (Kind::ModelFinetune, described), now).await
    };
    let (first, second) = (model(&kim, 71).await, model(&ada, 72).await);
    assert_eq!(submitted(&kim, &first).await, "409 no_preview");
    listings::publish(store, &kim.id, &first, now).await;
    let added = store.change_listing(&ada.id, &second, now, |update| {
        let upload_id = UploadId::new(now, 73);
        update.newest.add_preview(Preview { upload_id, width: 9, height: 6, drawn: false });
    });
    added.await.unwrap();
    assert_eq!(submitted(&ada, &second).await, "409 model_taken");
}
