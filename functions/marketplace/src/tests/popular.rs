//! The popular lists.

use std::time::Duration;

use domain::marketplace::{Category, card::Card};
use serde_json::json;
use store::Popular;
use testing::{Actor, Ask};

use super::shop::Shop;

impl Shop {
    async fn rank(&self, category: Option<Category>, items: Vec<Card>) {
        let list = Popular { items, as_of: self.world.now() };
        self.world.store.set_popular(category, &list).await.unwrap();
    }
}

#[tokio::test]
async fn before_the_first_list_there_is_none() {
    let shop = Shop::open().await;
    let answer = shop.popular(Ask::anonymous()).await;
    assert_eq!(answer.json(), json!({ "items": [], "as_of": null }));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
    let odd = shop.popular(Ask::anonymous().query("category", "cats")).await;
    assert_eq!(odd.brief(), "422 invalid_request, /category unknown_value");
    shop.close().await;
}

#[tokio::test]
async fn a_list_is_read_again_after_ten_seconds() {
    let (shop, kim) = (Shop::open().await, Actor::member("kim"));
    shop.on_sale(&kim, "Lamp").await;
    let card = shop.world.store.whole_catalogue().await.unwrap().remove(0).card;
    let titles = async |ask: Ask| {
        let items = shop.popular(ask).await.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let portraits = || Ask::anonymous().query("category", "portrait");
    assert!(titles(Ask::anonymous()).await.is_empty());
    shop.rank(None, vec![card.clone()]).await;
    shop.rank(Some(Category::Portrait), vec![card]).await;
    assert!(titles(Ask::anonymous()).await.is_empty(), "it was read a moment ago");
    assert_eq!(titles(portraits()).await, ["Lamp"], "each list for itself");
    shop.world.ambient.clock.advance(Duration::from_secs(10));
    assert_eq!(titles(Ask::anonymous()).await, ["Lamp"]);
    assert!(titles(Ask::anonymous().query("category", "food")).await.is_empty());
    shop.world.engine.take_usage();
    for _ in 0..20 {
        titles(Ask::anonymous()).await;
    }
    assert_eq!(shop.world.engine.take_usage().round_trips(), 0);
    shop.close().await;
}
