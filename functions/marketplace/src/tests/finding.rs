//! Search: text, filters, sort orders and pages.

use std::collections::BTreeSet;

use domain::id::CreatorId;
use search::{Catalogue, Document};
use serde_json::json;
use testing::{Actor, listings};

use super::{
    LISTINGS, app,
    listing_steps::{camera, draft, draft_of, on_sale, page, publish, search, titles},
};

#[tokio::test]
async fn pages_together_show_every_listing_while_others_are_listed() {
    let app = app();
    let kim = app.sign_in("kim");
    let mut created = BTreeSet::new();
    for nth in 0..7 {
        created.insert(on_sale(&app, &kim, &format!("Lamp number {nth}")).await.to_string());
    }
    for sort in ["relevance", "newest", "best_selling", "top_rated", "price_ascending"] {
        let (mut seen, mut cursor, mut rounds) = (Vec::new(), None::<String>, 0);
        loop {
            let mut query = vec![("q", "lamp"), ("sort", sort), ("limit", "2")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let found = search(&app, &query).await.json();
            let items = found["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            rounds += 1;
            // Another listing goes on sale between any two pages.
            on_sale(&app, &kim, &format!("Lamp of {sort} {rounds}")).await;
            match found["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
            assert!(rounds < 60, "it ends");
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "{sort}: nothing twice");
        assert!(created.is_subset(&once), "{sort}: nothing is left out");
    }
}

#[tokio::test]
async fn a_cursor_of_another_search_is_refused() {
    let app = app();
    let kim = app.sign_in("kim");
    for nth in 0..3 {
        on_sale(&app, &kim, &format!("Lamp number {nth}")).await;
    }
    let page = search(&app, &[("q", "lamp"), ("limit", "1")]).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let forged = format!("x{}", &cursor[1..]);
    for (query, cursor) in [("lamp", forged.as_str()), ("number", cursor), ("lamp", "~~~")] {
        let answer = search(&app, &[("q", query), ("cursor", cursor)]).await;
        assert_eq!(answer.brief(), "422 invalid_cursor, /cursor cursor", "{query} {cursor}");
    }
}

#[tokio::test]
async fn a_query_is_plain_words() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    let long = "lamp ".repeat(2_048);
    for typed in ["title:lamp", "lamp*", "\"lamp", "a OR b", "📷💡", "((", "-lamp", &long] {
        assert_eq!(search(&app, &[("q", typed)]).await.status(), 200, "{typed}");
    }
    assert_eq!(titles(&app, &[("q", "Lánp")]).await, ["Lamp"], "a typo and an accent");
    for (name, value) in [("rating_min", "9"), ("limit", "0"), ("sort", "best"), ("type", "rig")] {
        assert_eq!(search(&app, &[(name, value)]).await.status(), 422, "{name}={value}");
    }
}

#[tokio::test]
async fn words_are_found_in_any_script() {
    let app = app();
    let kim = app.sign_in("kim");
    for (name, title) in
        [("One", "柔和人像摄影棚灯光预设"), ("Two", "스튜디오 조명"), ("Three", "Lens 85 mm")]
    {
        let id = draft(&kim, name).await;
        let named = kim.patch(format!("{LISTINGS}/{id}")).json(json!({ "title": title })).await;
        assert_eq!(named.status(), 200, "{}", named.pretty());
        publish(&app, &kim, &id).await;
    }
    for (typed, found) in [
        ("灯光", "柔和人像摄影棚灯光预设"),
        ("\u{110c}\u{1169}\u{1106}\u{1167}\u{11bc}", "스튜디오 조명"),
        ("85mm", "Lens 85 mm"),
    ] {
        assert_eq!(titles(&app, &[("q", typed)]).await, [found], "{typed}");
    }
}

#[tokio::test]
async fn filters_and_facets_agree() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Lamp one").await;
    on_sale(&app, &kim, "Lamp two").await;
    let all = search(&app, &[]).await.json();
    assert_eq!(all["total"], 2);
    assert_eq!(all["facets"]["types"], json!({ "lighting_preset": 2 }));
    let usd = json!({ "amount": 900, "currency": "usd" });
    assert_eq!(all["facets"]["prices"], json!({ "min": usd, "max": usd }));
    for (name, value, count) in [
        ("type", "lighting_preset", 2),
        ("type", "camera_preset", 0),
        ("type", "camera_preset,lighting_preset", 2),
        ("type", "", 2),
        ("category", "portrait", 2),
        ("category", "food, portrait", 2),
        ("tag", "moody,low-key", 2),
        ("tag", "moody,sunny", 0),
        ("rating_min", "0", 0),
        ("price_max", "899", 0),
        ("free", "true", 0),
        ("creator", CreatorId::of(&kim.id).as_str(), 2),
        ("creator", CreatorId::of(&Actor::member("ada").id).as_str(), 0),
    ] {
        let found = search(&app, &[(name, value)]).await.json();
        assert_eq!(found["total"], count, "{name}={value}");
    }
    let subject = search(&app, &[("creator", kim.id.as_str())]).await;
    assert_eq!(subject.brief(), "422 invalid_request, /creator invalid_value");
    // The public view never contains the issuer's subject.
    let public = page(&app, &id).await.json();
    assert_eq!(public["creator"]["id"], json!(CreatorId::of(&kim.id)));
    for seen in [all, public] {
        assert!(!seen.to_string().contains(kim.id.as_str()), "{seen:#}");
    }
}

#[tokio::test]
async fn the_best_match_without_one_of_the_words_is_marked() {
    let app = app();
    let kim = app.sign_in("kim");
    for title in ["Soft light", "Portrait light", "Sunset"] {
        on_sale(&app, &kim, title).await;
    }
    let found = search(&app, &[("q", "soft portrait light"), ("limit", "1")]).await.json();
    assert_eq!((&found["total"], &found["matched"]), (&json!(2), &json!("all_but_one")));
    let cursor = found["next_cursor"].as_str().unwrap();
    let rest = [("q", "soft portrait light"), ("limit", "1"), ("cursor", cursor)];
    let rest = search(&app, &rest).await.json();
    assert_eq!((&rest["total"], &rest["matched"]), (&json!(2), &json!("all_but_one")));
    assert_ne!(rest["items"][0]["id"], found["items"][0]["id"]);
    let all = search(&app, &[("q", "soft light")]).await.json();
    assert_eq!((&all["total"], &all["matched"]), (&json!(1), &json!("all_words")));
    // A facet counts what another choice would show.
    let food = search(&app, &[("q", "light"), ("category", "food")]).await.json();
    assert_eq!(
        (&food["total"], &food["facets"]["categories"]),
        (&json!(0), &json!({ "portrait": 2 }))
    );
}

#[tokio::test]
async fn a_link_from_an_advertisement_works() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    let tracked = [("utm_source", "mail"), ("gclid", "x"), ("fbclid", "y"), ("ref", "z")];
    assert_eq!(titles(&app, &tracked).await, ["Lamp"]);
    let unknown = search(&app, &[("utm", "mail")]).await;
    assert_eq!(unknown.brief(), "422 invalid_request, /utm unknown_field");
    let own = kim.get(super::CREATOR_LISTINGS).query("utm_source", "mail").await;
    assert_eq!(own.brief(), "422 invalid_request, /utm_source unknown_field");
}

#[tokio::test]
async fn a_list_may_be_repeated() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    let lens = draft_of(&kim, camera("Lens", "1:1")).await;
    publish(&app, &kim, &lens).await;
    let both =
        [("type", "camera_preset"), ("type", "lighting_preset"), ("sort", "price_ascending")];
    assert_eq!(titles(&app, &both).await, ["Lens", "Lamp"]);
    assert_eq!(titles(&app, &[("tag", "moody"), ("tag", "low-key")]).await, ["Lamp"]);
    assert!(titles(&app, &[("tag", "moody"), ("tag", "sunny")]).await.is_empty());
    let twice = search(&app, &[("sort", "newest"), ("sort", "newest")]).await;
    assert_eq!(twice.brief(), "422 invalid_request, /sort duplicate_field");
    let odd = search(&app, &[("type", "camera_preset"), ("type", "rig")]).await;
    assert_eq!(odd.brief(), "422 invalid_request, /type/1 unknown_value");
    let many = [("tag", "x"); 10];
    assert_eq!(search(&app, &many).await.brief(), "422 invalid_request, /tag too_many");
}

#[tokio::test]
async fn stars_are_written_as_people_write_them() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = on_sale(&app, &kim, "Lamp").await;
    let mut entry = listings::on_sale(&app.store).await.remove(0);
    (entry.card.rating, entry.card.ratings) = (Some(450), 2);
    let (now, documents) = (app.now(), [Document::from(&entry)]);
    let blob = Catalogue::build(documents, now.as_millis()).unwrap();
    app.images_bucket().publish_index(vec![blob], now).await;
    for (stars, found) in [("0", 1), ("4", 1), ("4.5", 1), ("4.50", 1), ("4.51", 0), ("5", 0)] {
        let answer = search(&app, &[("rating_min", stars)]).await;
        assert_eq!(answer.json()["total"], found, "{stars}: {}", answer.pretty());
    }
    for odd in ["", "5.01", "9", "-1", "4.", ".5", "4.555", "1e0", "NaN", "４", "4,5", "04"] {
        let answer = search(&app, &[("rating_min", odd)]).await;
        assert_eq!(answer.brief(), "422 invalid_request, /rating_min invalid_value", "{odd}");
    }
    let page = search(&app, &[]).await.json();
    assert_eq!(page["items"][0]["rating"], json!({ "average": 4.5, "count": 2 }));
    assert_eq!(page["items"][0]["id"], id.as_str());
}
