//! The list of listings in review, and who sees it.

use domain::{account::Profile, lighting::LightingRig, marketplace::listing::State};
use expect_test::expect;
use serde_json::Value;

use super::{flags::strike, *};

#[tokio::test]
async fn the_longest_pending_listing_is_first_and_has_all_details() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let named = |profile: &mut Profile| profile.display_name = Some("Lena Okafor".to_owned());
    let (store, now) = (&app.store, app.now());
    let creator = lena();
    let described = store.update_profile(&creator.id, None, now, |_, profile| {
        named(profile);
    });
    described.await.unwrap();
    let twin = pending_listing(&app, &Actor::member("ada"), "The first of its kind").await;
    assert_eq!(approve(&app, &moderator, &twin).await.status(), 200);
    advance_a_minute(&app);
    let one = pending_listing(&app, &lena(), "Rembrandt").await;
    advance_a_minute(&app);
    let two = pending_listing(&app, &Actor::member("kim"), "Another").await;
    advance_a_minute(&app);
    edit(&app, &Actor::member("ada"), &twin, "The first, again").await;
    submit(&app, &Actor::member("ada"), &twin).await;

    let answer = moderator.get(PENDING).await;
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
    assert_eq!(hash, json!(content_hash(&app, &one).await));
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
          "changes": null,
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
              "id": "upl_01M817SG700000000000000001",
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

    let limited = moderator.get(PENDING).query("limit", 1).await.json();
    assert_eq!(
        (limited["items"].as_array().unwrap().len(), limited["next_cursor"].is_string()),
        (1, true)
    );
}

#[tokio::test]
async fn only_staff_moderate() {
    let app = staff_app();
    let id = pending_listing(&app, &lena(), "Rembrandt").await;
    let check = async |who: Option<&Actor>, expected: &str| {
        let caller = who.map_or_else(|| app.visitor(), |who| app.client(who));
        let decide = async |action: &str, body: Value| {
            caller.post(listing_path(&id, action)).json(body).await
        };
        let resolution = json!({ "decision": "strike", "reason": "Copied.", "seen": 1 });
        let answers = [
            caller.get(PENDING).await,
            decide("approve", json!({ "content_hash": "0" })).await,
            decide("reject", json!({ "content_hash": "0", "reason": "Too dark." })).await,
            decide("delist", json!({ "reason": "Too dark." })).await,
            caller.get(FLAGS).await,
            caller.post(resolve_path(&id)).json(resolution).await,
        ];
        assert_eq!(answers.map(|answer| answer.brief()), [expected; 6]);
    };
    check(None, "401 unauthenticated").await;
    check(Some(&Actor::member("kim")), "403 forbidden").await;
    check(Some(&lena()), "403 forbidden").await;
    for staff in [Actor::moderator(), Actor::admin()] {
        assert_eq!(app.client(&staff).get(PENDING).await.status(), 200);
    }
    assert_eq!(own_listing(&app, &lena(), &id).await.listing.state(), State::Pending);
}

#[tokio::test]
async fn all_pages_together_hold_every_pending_listing() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let mut waiting = Vec::new();
    for nth in 0..5 {
        waiting.push(json!(pending_listing(&app, &lena(), &format!("Light {nth}")).await));
        advance_a_minute(&app);
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let request = moderator.get(PENDING).query("limit", 2);
        let request = match &cursor {
            Some(cursor) => request.query("cursor", cursor),
            None => request,
        };
        let page = request.await.json();
        for item in page["items"].as_array().unwrap() {
            seen.push(item["listing_id"].clone());
            let id = ListingId::parse(item["listing_id"].as_str().unwrap()).unwrap();
            assert_eq!(approve(&app, &moderator, &id).await.status(), 200);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, waiting);
}

#[tokio::test]
async fn a_pending_listing_shows_its_creators_history() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    strike(&app, &lena(), 1).await;
    let back = pending_listing(&app, &lena(), "Too dark").await;
    assert_eq!(reject(&app, &moderator, &back, "Too dark.").await.status(), 200);
    pending_listing(&app, &lena(), "Another").await;
    let page = moderator.get(PENDING).await.json();
    expect![[r#"
        {
          "approved": 1,
          "delisted": 1,
          "display_name": null,
          "id": "user_lena",
          "live_strikes": 1,
          "member_since": "2026-11-22T09:00:00.000Z",
          "rejected": 1,
          "sales": 0,
          "selling_suspended_until": null
        }"#]]
    .assert_eq(&format!("{:#}", page["items"][0]["creator"]));
}
