//! How many listings a creator has, and what the key of a deleted draft gets.

use domain::{
    id::ListingId,
    marketplace::{Kind, listing::LISTINGS_MAX},
};
use serde_json::json;
use testing::listings;

use super::{CREATOR_LISTINGS, LISTINGS, app, listing_steps::lighting};

/// The key is remembered for longer than the draft.
#[tokio::test]
async fn the_key_of_a_deleted_draft_makes_no_other() {
    let app = app();
    let kim = app.sign_in("kim");
    let make = || kim.post(LISTINGS).key("one").json(lighting("A light"));
    let made = make().await;
    assert_eq!(made.status(), 201, "{}", made.pretty());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(kim.delete(format!("{LISTINGS}/{id}")).await.status(), 204);
    assert_eq!(make().await.brief(), "404 listing_not_found");
    assert_eq!(kim.get(CREATOR_LISTINGS).await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_creator_has_so_many_listings_and_a_deleted_draft_makes_room() {
    let app = app();
    let kim = app.sign_in("kim");
    let now = app.now();
    let mut drafts = Vec::new();
    for _ in 0..LISTINGS_MAX {
        let id = ListingId::new(now, app.ambient.entropy.next());
        let content = (Kind::LightingPreset, listings::description("A light", 0));
        drafts.push(listings::draft(&app.store, (&kim.id, id), content, now).await);
    }
    let one_more = || kim.post(LISTINGS).key("one-more").json(lighting("One more"));
    assert_eq!(one_more().await.brief(), "409 too_many_listings");
    assert_eq!(kim.delete(format!("{LISTINGS}/{}", drafts[0])).await.status(), 204);
    let made = one_more().await;
    assert_eq!(made.status(), 201, "{}", made.pretty());
    assert_eq!(one_more().await.json(), made.json(), "a repeat needs no room");
    let another = kim.post(LISTINGS).key("another").json(lighting("Another")).await;
    assert_eq!(another.brief(), "409 too_many_listings");
}
