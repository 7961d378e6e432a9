//! Tailored models: a model belongs to the creator of the first approved listing with it.

use domain::{
    id::UploadId,
    marketplace::{listing::content::Content, listing::revision::Description},
};

use super::*;

/// A tailored model in review.
pub(super) async fn pending_model(app: &TestApp, creator: &Actor, model: &str) -> ListingId {
    let now = app.now();
    let content = Content { model_id: Some(model.to_owned()), ..Content::default() };
    let described = Description { content, ..listings::description("Silver prints", 0) };
    let id = ListingId::new(now, app.ambient.entropy.next());
    let draft = (Kind::ModelFinetune, described);
    listings::draft(&app.store, (&creator.id, id.clone()), draft, now).await;
    submit(app, creator, &id).await;
    id
}

#[test]
fn of_two_listings_of_a_model_one_is_approved() {
    let app = staff_app();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ids = [lena(), Actor::member("mara")]
        .map(|creator| runtime.block_on(pending_model(&app, &creator, "acme-v1")));
    let pending = || runtime.block_on(app.client(&Actor::moderator()).get(PENDING).into_future());
    let shown = pending();
    assert!(!shown.pretty().contains("acme-v1"), "{}", shown.pretty());
    let model = &shown.json()["items"][0]["model"];
    let fingerprint = domain::marketplace::listing::model::fingerprint("acme-v1");
    assert_eq!(model, &json!({ "fingerprint": fingerprint, "ownership": "unclaimed" }));

    let mut answers = testing::at_once(2, |nth| {
        let (app, id) = (&app, &ids[nth]);
        async move { approve(app, &app.client(&Actor::moderator()), id).await.brief() }
    });
    answers.sort();
    assert_eq!(answers, ["200", "409 model_taken"]);
    assert_eq!(pending().json()["items"][0]["model"]["ownership"], "taken");
}

#[tokio::test]
async fn a_model_may_be_assigned_to_another_creator_after_staff_delist_it() {
    let app = staff_app();
    let (moderator, mara) = (app.client(&Actor::moderator()), Actor::member("mara"));
    let first = pending_model(&app, &lena(), "acme-v1").await;
    assert_eq!(approve(&app, &moderator, &first).await.status(), 200);
    let second = pending_model(&app, &mara, "acme-v2").await;
    assert_eq!(approve(&app, &moderator, &second).await.status(), 200);

    let (store, now) = (&app.store, app.now());
    let content = Content { model_id: Some("acme-v1".to_owned()), ..Content::default() };
    let edited = store.change_listing(&mara.id, &second, now, |update| {
        let edit = Edit { content: Some(content.clone()), ..Edit::default() };
        update.listing.edit(update.newest.clone(), edit, now).map(|newest| update.newest = newest)
    });
    edited.await.unwrap();
    let submit = async |creator: &Actor, id: &ListingId| {
        let submitted = store.submit_listing(&creator.id, id, now, |update| {
            let picture_id = UploadId::new(now, 1);
            update.listing.submit(&update.newest, &update.model, picture_id, now)
        });
        match submitted.await {
            Ok(_) => {
                listings::prepare(store, id, now).await;
                Ok(())
            }
            Err(refused) => Err(domain::DomainError::code(&refused)),
        }
    };
    assert_eq!(submit(&mara, &second).await, Err("model_taken"), "not even submitted");
    let reason = json!({ "reason": "Not hers." });
    assert_eq!(moderator.post(listing_path(&first, "delist")).json(reason).await.status(), 200);
    assert_eq!(submit(&mara, &second).await, Ok(()));
    assert_eq!(approve(&app, &moderator, &second).await.status(), 200);
    assert_eq!(submit(&lena(), &first).await, Err("model_taken"), "it belongs to another by now");
}
