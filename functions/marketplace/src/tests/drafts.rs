//! How many listings a creator has, what the key of a deleted draft gets, and a submission that is
//! never prepared.

use domain::{
    id::ListingId,
    marketplace::{
        Kind,
        listing::{LISTINGS_MAX, PREPARATION_MAX},
    },
};
use serde_json::json;
use testing::listings;

use super::{
    CREATOR_LISTINGS, LISTINGS, app,
    listing_steps::{draft, lighting},
};

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

/// Its message was lost. The picture that a worker may have drawn all the same is erased.
#[tokio::test]
async fn a_submission_that_is_never_prepared_is_made_again_after_a_time() {
    let app = app();
    let kim = app.sign_in("kim");
    let id = draft(&kim, "A light").await;
    let submit = || kim.post(format!("{LISTINGS}/{id}/submit"));
    assert_eq!(submit().await.status(), 202);
    assert_eq!(submit().await.brief(), "409 listing_in_review");
    app.ambient.clock.advance(PREPARATION_MAX);
    assert_eq!(submit().await.status(), 202);
    let due = app.store.due_erasures(app.now(), None, 10).await.unwrap().items;
    assert!(due.len() == 1 && due[0].subject.name().starts_with("upload#"), "{due:?}");
}
