//! Search: text, filters, sort orders and pages.

use std::collections::BTreeSet;

use domain::id::CreatorId;
use search::{Catalogue, Document};
use serde_json::json;
use testing::{Actor, TestRequest};

use super::shop::{ListingApp, camera};

#[tokio::test]
async fn pages_are_all_of_it_while_others_are_listed() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let mut made = BTreeSet::new();
    for nth in 0..7 {
        made.insert(shop.on_sale(&kim, &format!("Lamp number {nth}")).await.to_string());
    }
    for sort in ["relevance", "newest", "best_selling", "top_rated", "price_ascending"] {
        let (mut seen, mut cursor, mut rounds) = (Vec::new(), None::<String>, 0);
        loop {
            let mut query = vec![("q", "lamp"), ("sort", sort), ("limit", "2")];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = shop.search(&query).await.json();
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            rounds += 1;
            // Another listing goes on sale between any two pages.
            shop.on_sale(&kim, &format!("Lamp of {sort} {rounds}")).await;
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
            assert!(rounds < 60, "it ends");
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "{sort}: nothing twice");
        assert!(made.is_subset(&once), "{sort}: nothing is left out");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cursor_of_another_search_is_none() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    for nth in 0..3 {
        shop.on_sale(&kim, &format!("Lamp number {nth}")).await;
    }
    let page = shop.search(&[("q", "lamp"), ("limit", "1")]).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let forged = format!("x{}", &cursor[1..]);
    for (query, cursor) in [("lamp", forged.as_str()), ("number", cursor), ("lamp", "~~~")] {
        let answer = shop.search(&[("q", query), ("cursor", cursor)]).await;
        assert_eq!(answer.brief(), "422 invalid_cursor, /cursor cursor", "{query} {cursor}");
    }
    shop.close().await;
}

#[tokio::test]
async fn whatever_is_typed_is_only_words() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp").await;
    let long = "lamp ".repeat(2_048);
    for typed in ["title:lamp", "lamp*", "\"lamp", "a OR b", "📷💡", "((", "-lamp", &long] {
        assert_eq!(shop.search(&[("q", typed)]).await.status(), 200, "{typed}");
    }
    assert_eq!(shop.titles(&[("q", "Lánp")]).await, ["Lamp"], "a typo and an accent");
    for (name, value) in [("rating_min", "9"), ("limit", "0"), ("sort", "best"), ("type", "rig")] {
        assert_eq!(shop.search(&[(name, value)]).await.status(), 422, "{name}={value}");
    }
    shop.close().await;
}

#[tokio::test]
async fn words_are_found_in_any_script() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    for (name, title) in
        [("One", "柔和人像摄影棚灯光预设"), ("Two", "스튜디오 조명"), ("Three", "Lens 85 mm")]
    {
        let id = shop.draft(&kim, name).await;
        let named = shop.patch(TestRequest::by(&kim), &id, json!({ "title": title })).await;
        assert_eq!(named.status(), 200, "{}", named.pretty());
        shop.publish(&kim, &id).await;
    }
    for (typed, found) in [
        ("灯光", "柔和人像摄影棚灯光预设"),
        ("\u{110c}\u{1169}\u{1106}\u{1167}\u{11bc}", "스튜디오 조명"),
        ("85mm", "Lens 85 mm"),
    ] {
        assert_eq!(shop.titles(&[("q", typed)]).await, [found], "{typed}");
    }
    shop.close().await;
}

#[tokio::test]
async fn filters_and_facets_agree() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Lamp one").await;
    shop.on_sale(&kim, "Lamp two").await;
    let all = shop.search(&[]).await.json();
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
        let found = shop.search(&[(name, value)]).await.json();
        assert_eq!(found["total"], count, "{name}={value}");
    }
    let subject = shop.search(&[("creator", kim.id.as_str())]).await;
    assert_eq!(subject.brief(), "422 invalid_request, /creator invalid_value");
    // The public view never contains the issuer's subject.
    let page = shop.page(&id).await.json();
    assert_eq!(page["creator"]["id"], json!(CreatorId::of(&kim.id)));
    for seen in [all, page] {
        assert!(!seen.to_string().contains(kim.id.as_str()), "{seen:#}");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_list_may_be_repeated() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp").await;
    let lens = shop.draft_of(&kim, camera("Lens", "1:1")).await;
    shop.publish(&kim, &lens).await;
    let both =
        [("type", "camera_preset"), ("type", "lighting_preset"), ("sort", "price_ascending")];
    assert_eq!(shop.titles(&both).await, ["Lens", "Lamp"]);
    assert_eq!(shop.titles(&[("tag", "moody"), ("tag", "low-key")]).await, ["Lamp"]);
    assert!(shop.titles(&[("tag", "moody"), ("tag", "sunny")]).await.is_empty());
    let twice = shop.search(&[("sort", "newest"), ("sort", "newest")]).await;
    assert_eq!(twice.brief(), "422 invalid_request, /sort duplicate_field");
    let odd = shop.search(&[("type", "camera_preset"), ("type", "rig")]).await;
    assert_eq!(odd.brief(), "422 invalid_request, /type/1 unknown_value");
    let many = [("tag", "x"); 10];
    assert_eq!(shop.search(&many).await.brief(), "422 invalid_request, /tag too_many");
    shop.close().await;
}

#[tokio::test]
async fn stars_are_written_as_people_write_them() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Lamp").await;
    let mut entry = shop.app.store.whole_catalogue().await.unwrap().remove(0);
    (entry.card.rating, entry.card.ratings) = (Some(450), 2);
    let (now, documents) = (shop.app.now(), [Document::from(&entry)]);
    let blob = Catalogue::build(documents, now.as_millis()).unwrap();
    shop.snapshots().publish(blob.into(), now).await.unwrap();
    for (stars, found) in [("0", 1), ("4", 1), ("4.5", 1), ("4.50", 1), ("4.51", 0), ("5", 0)] {
        let answer = shop.search(&[("rating_min", stars)]).await;
        assert_eq!(answer.json()["total"], found, "{stars}: {}", answer.pretty());
    }
    for odd in ["", "5.01", "9", "-1", "4.", ".5", "4.555", "1e0", "NaN", "４", "4,5", "04"] {
        let answer = shop.search(&[("rating_min", odd)]).await;
        assert_eq!(answer.brief(), "422 invalid_request, /rating_min invalid_value", "{odd}");
    }
    let page = shop.search(&[]).await.json();
    assert_eq!(page["items"][0]["rating"], json!({ "average": 4.5, "count": 2 }));
    assert_eq!(page["items"][0]["id"], id.as_str());
    shop.close().await;
}
