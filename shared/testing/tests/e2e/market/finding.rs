//! Search and browsing, as visitors do.

use std::{collections::BTreeSet, process::Command};

use demo::api::variable;
use serde_json::json;

use super::seller::{LISTINGS, found, lighting, visitor, word};
use crate::member::{Member, text, until};

#[tokio::test]
async fn pages_of_a_search_are_all_of_it_and_nothing_twice() {
    let creator = Member::new().await;
    let name = word();
    let titles: Vec<String> = (0..5).map(|nth| format!("{name} number {nth}")).collect();
    let mut made = BTreeSet::new();
    for title in &titles {
        made.insert(creator.on_sale(&lighting(title, 0)).await);
    }
    found(&name, &titles.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for sort in ["relevance", "newest", "price_ascending", "top_rated", "best_selling"] {
        let path = format!("{LISTINGS}/search?q={name}&sort={sort}&limit=2");
        let items = visitor().whole_list(&path, |page| page).await;
        let seen: BTreeSet<String> = items.iter().map(|it| text(&it["id"]).to_owned()).collect();
        assert_eq!(seen, made, "{sort}");
    }
    let page = visitor().get(&format!("{LISTINGS}/search?q={name}&limit=2")).await.ok(200);
    assert_eq!(page["total"], 5);
    assert_eq!(page["facets"]["types"]["lighting_preset"], 5);
    let cursor = text(&page["next_cursor"]);
    let forged = format!("{LISTINGS}/search?q={name}&cursor=x{}", &cursor[1..]);
    visitor().get(&forged).await.problem(422, "invalid_cursor");
}

#[tokio::test]
async fn whatever_is_typed_is_only_words() {
    for typed in [
        "title:*%20OR%20*",
        "%22unclosed",
        "a%20AND%20NOT%20b",
        "%F0%9F%93%B7%F0%9F%92%A1",
        "%00",
        "((((",
        "-minus%20%2Bplus",
    ] {
        visitor().get(&format!("{LISTINGS}/search?q={typed}")).await.ok(200);
    }
    let long = "x".repeat(7_000);
    visitor().get(&format!("{LISTINGS}/search?q={long}")).await.ok(200);
}

#[tokio::test]
async fn what_sells_becomes_popular() {
    let (creator, buyer) = (Member::new().await, Member::new().await);
    let id = creator.on_sale(&lighting(&format!("Popular {}", word()), 0)).await;
    buyer.begin(&id, 0).await;
    let path = format!("{LISTINGS}/popular?category=portrait");
    let first = until("a list with it", async || {
        run_now("background-rank-popular");
        let list = visitor().get(&path).await.ok(200);
        let items = list["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["id"] == json!(id))
    })
    .await;
    assert_eq!(first["sales"], 1);
}

/// Runs a scheduled function of the stack, instead of waiting for its schedule.
fn run_now(function: &str) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let stack = variable("PROLIGHT_STACK").unwrap();
    let ended = Command::new(format!("{root}/.local/venv/bin/python"))
        .args(["infra/local/run.py", stack.as_str(), function])
        .current_dir(root)
        .status()
        .unwrap();
    assert!(ended.success(), "{function}: {ended}");
}
