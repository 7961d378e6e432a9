//! Searching, through every kind of bad day.

use std::{collections::BTreeSet, time::Duration};

use domain::marketplace::tally::ListingStats;
use search::Catalogue;
use serde_json::json;
use testing::Actor;

use super::shop::Shop;

#[tokio::test]
async fn pages_are_all_of_it_while_others_are_listed() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
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
            // Somebody lists another between any two pages.
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
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
    for nth in 0..3 {
        shop.on_sale(&kim, &format!("Lamp number {nth}")).await;
    }
    let page = shop.search(&[("q", "lamp"), ("limit", "1")]).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let forged = format!("x{}", &cursor[1..]);
    for (query, cursor) in [("lamp", forged.as_str()), ("number", cursor), ("lamp", "~~~")] {
        let answer = shop.search(&[("q", query), ("cursor", cursor)]).await;
        assert_eq!(answer.brief(), "422 invalid_cursor", "{query} {cursor}");
    }
    shop.close().await;
}

#[tokio::test]
async fn whatever_is_typed_is_only_words() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
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
async fn filters_and_facets_agree() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp one").await;
    shop.on_sale(&kim, "Lamp two").await;
    let all = shop.search(&[]).await.json();
    assert_eq!(all["total"], 2);
    assert_eq!(all["facets"]["types"], json!({ "lighting_preset": 2 }));
    assert_eq!(all["facets"]["prices"], json!({ "min": 900, "max": 900 }));
    for (name, value, count) in [
        ("type", "lighting_preset", 2),
        ("type", "camera_preset", 0),
        ("category", "portrait", 2),
        ("tags", "moody,low-key", 2),
        ("tags", "sunny", 0),
        ("price_max", "899", 0),
        ("free", "true", 0),
        ("creator", "user_kim", 2),
        ("creator", "user_ada", 0),
    ] {
        let found = shop.search(&[(name, value)]).await.json();
        assert_eq!(found["total"], count, "{name}={value}");
    }
    shop.close().await;
}

#[tokio::test]
async fn an_index_that_is_missing_or_damaged_is_lived_without() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp one").await;
    assert_eq!(shop.titles(&[]).await, ["Lamp one"], "from the changes alone");
    let entries = shop.world.store.whole_catalogue().await.unwrap();
    let documents: Vec<search::Document> = entries.iter().map(Into::into).collect();
    let now = shop.world.now();
    let blob = Catalogue::build(documents.clone(), now.as_millis()).unwrap();
    let again = Catalogue::build(documents, now.as_millis()).unwrap();
    assert_eq!(blob, again, "made anew it is the same");
    shop.snapshots().publish(blob.into(), now).await.unwrap();
    shop.world.ambient.clock.advance(Duration::from_secs(31));
    assert_eq!(shop.titles(&[]).await, ["Lamp one"], "from the index");

    // A newer one that cannot be read: the last good one goes on, and changes with it.
    let later = shop.world.now();
    shop.snapshots().publish(vec![7; 1_000].into(), later).await.unwrap();
    shop.world.ambient.clock.advance(Duration::from_secs(31));
    shop.on_sale(&kim, "Lamp two").await;
    let mut titles = shop.titles(&[]).await;
    titles.sort();
    assert_eq!(titles, ["Lamp one", "Lamp two"]);
    shop.close().await;
}

#[tokio::test]
async fn visits_are_counted_without_a_write_for_each() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
    let id = shop.on_sale(&kim, "Lamp").await;
    shop.world.engine.take_usage();
    for _ in 0..40 {
        assert_eq!(shop.page(&id).await.status(), 200);
    }
    let usage = shop.world.engine.take_usage();
    assert_eq!(usage.requests.get("PutItem"), Some(&1), "the first visit, and then none");
    shop.world.ambient.clock.advance(Duration::from_secs(10));
    shop.page(&id).await;
    while shop.world.store.add_views(shop.world.now()).await.unwrap() > 0 {}
    let stats: ListingStats = shop.world.store.stats(&id).await.unwrap().unwrap();
    assert_eq!(stats.views, 40, "the last one waits for its ten seconds");
    assert_eq!(shop.world.store.creator_book(&kim.id).await.unwrap().views, 40);
    shop.close().await;
}
