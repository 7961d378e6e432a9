//! The popular lists.

use std::time::Duration;

use domain::marketplace::{Category, listing::card::Card};
use serde_json::json;
use store::Popular;
use testing::{Actor, TestRequest};

use super::shop::ListingApp;

impl ListingApp {
    async fn rank(&self, category: Option<Category>, items: Vec<Card>) {
        let list = Popular { items, as_of: self.app.now() };
        self.app.store.set_popular(category, &list).await.unwrap();
    }
}

#[tokio::test]
async fn before_the_first_list_there_is_none() {
    let shop = ListingApp::open().await;
    let answer = shop.popular(TestRequest::anonymous()).await;
    assert_eq!(answer.json(), json!({ "items": [], "as_of": null }));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
    let odd = shop.popular(TestRequest::anonymous().query("category", "cats")).await;
    assert_eq!(odd.brief(), "422 invalid_request, /category unknown_value");
    shop.close().await;
}

#[tokio::test]
async fn a_list_is_read_again_after_ten_seconds() {
    let (shop, kim) = (ListingApp::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp").await;
    let card = shop.app.store.whole_catalogue().await.unwrap().remove(0).card;
    let titles = async |ask: TestRequest| {
        let items = shop.popular(ask).await.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let portraits = || TestRequest::anonymous().query("category", "portrait");
    assert!(titles(TestRequest::anonymous()).await.is_empty());
    shop.rank(None, vec![card.clone()]).await;
    shop.rank(Some(Category::Portrait), vec![card]).await;
    assert!(titles(TestRequest::anonymous()).await.is_empty(), "it was read a moment ago");
    assert_eq!(titles(portraits()).await, ["Lamp"], "each list for itself");
    shop.app.ambient.clock.advance(Duration::from_secs(10));
    assert_eq!(titles(TestRequest::anonymous()).await, ["Lamp"]);
    assert!(titles(TestRequest::anonymous().query("category", "food")).await.is_empty());
    shop.app.engine.take_usage();
    for _ in 0..20 {
        titles(TestRequest::anonymous()).await;
    }
    assert_eq!(shop.app.engine.take_usage().round_trips(), 0);
    shop.close().await;
}
