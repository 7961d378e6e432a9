//! The popular lists.

use std::time::Duration;

use domain::marketplace::{Category, listing::card::Card};
use serde_json::json;
use store::Popular;
use testing::{ClientRequest, TestApp, listings};

use super::{LISTINGS, app, listing_steps::on_sale};

/// Stores a popular list.
async fn rank(app: &TestApp, category: Option<Category>, items: Vec<Card>) {
    let list = Popular { items, as_of: app.now() };
    app.store.set_popular(category, &list).await.unwrap();
}

/// The popular listings of all categories.
fn popular(app: &TestApp) -> ClientRequest<'_> {
    app.visitor().get(format!("{LISTINGS}/popular"))
}

/// The titles that a request for popular listings returns.
async fn titles(request: ClientRequest<'_>) -> Vec<String> {
    let items = request.await.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn before_the_first_run_the_list_is_empty() {
    let app = app();
    let answer = popular(&app).await;
    assert_eq!(answer.json(), json!({ "items": [], "as_of": null }));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
    let odd = popular(&app).query("category", "cats").await;
    assert_eq!(odd.brief(), "422 invalid_request, /category unknown_value");
}

#[tokio::test]
async fn a_list_is_read_again_after_ten_seconds() {
    let app = app();
    let kim = app.sign_in("kim");
    on_sale(&app, &kim, "Lamp").await;
    let card = listings::on_sale(&app.store).await.remove(0).card;
    assert!(titles(popular(&app)).await.is_empty());
    rank(&app, None, vec![card.clone()]).await;
    rank(&app, Some(Category::Portrait), vec![card.clone()]).await;
    assert!(titles(popular(&app)).await.is_empty(), "it was read a moment ago");
    assert_eq!(
        titles(popular(&app).query("category", "portrait")).await,
        ["Lamp"],
        "each list has its own age"
    );
    app.ambient.clock.advance(Duration::from_secs(10));
    assert_eq!(titles(popular(&app)).await, ["Lamp"]);
    assert!(titles(popular(&app).query("category", "food")).await.is_empty());
    rank(&app, Some(Category::Food), vec![card.clone(), card]).await;
    app.ambient.clock.advance(Duration::from_secs(10));
    let food = || popular(&app).query("category", "food");
    assert_eq!(titles(food()).await.len(), 2);
    assert_eq!(titles(food().query("limit", 1)).await.len(), 1);
    titles(popular(&app)).await;
    app.engine.take_usage();
    for _ in 0..20 {
        titles(popular(&app)).await;
    }
    assert_eq!(app.engine.take_usage().round_trips(), 0);
}
