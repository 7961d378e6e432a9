//! Appeals of suspensions, rejections and delistings.

use domain::{account::AccountStatus, marketplace::listing::State, plan::Plan, time::DAY};
use serde_json::Value;

use super::{models::pending_model, *};

const APPEALS: &str = "/api/v1/admin/appeals";

/// A member's appeal; returns its id.
async fn appeal(app: &TestApp, member: &Actor, listing: Option<&ListingId>) -> String {
    let (who, text) = ((&member.id, None), "It was not me.");
    let appeal = app.store.make_appeal(who, listing, text, app.now()).await.unwrap();
    advance_a_minute(app);
    appeal.id.to_string()
}

async fn rule(by: &Client<'_>, member: &Actor, id: &str, outcome: &str) -> String {
    let path = format!("/api/v1/admin/users/{}/appeals/{id}/resolve", member.id);
    by.post(path).json(json!({ "outcome": outcome, "reason": "Looked at again." })).await.brief()
}

async fn open(by: &Client<'_>) -> Vec<Value> {
    by.get(APPEALS).await.json()["items"].as_array().unwrap().clone()
}

async fn ban(by: &Client<'_>, member: &Actor) {
    let path = format!("/api/v1/admin/users/{}/ban", member.id);
    let answer = by.post(path).json(json!({ "reason": "Spam." })).await;
    assert_eq!(answer.status(), 200, "{}", answer.pretty());
}

#[tokio::test]
async fn another_admin_reverses_a_ban() {
    let app = staff_app();
    let (admin, moderator) = (app.client(&Actor::admin()), app.client(&Actor::moderator()));
    let kim = app.member("kim", Plan::Free, 10).await;
    ban(&admin, &kim).await;
    let id = appeal(&app, &kim, None).await;
    let again = app.store.make_appeal((&kim.id, None), None, "Really not.", app.now()).await;
    assert_eq!(domain::DomainError::code(&again.unwrap_err()), "already_appealed");
    assert_eq!(appeal(&app, &kim, None).await, id, "the same text is the same appeal");

    let other = app.client(&Actor::member("other").as_admin());
    let waits = open(&other).await;
    assert_eq!((waits.len(), &waits[0]["about"]), (1, &json!("suspension")));
    assert_eq!(
        (&waits[0]["reason"], &waits[0]["text"]),
        (&json!("Spam."), &json!("It was not me."))
    );
    assert_eq!(open(&moderator).await.len(), 0, "moderators do not decide on suspensions");
    let suspensions = moderator.get(APPEALS).query("kind", "suspension").await;
    assert_eq!(suspensions.brief(), "403 needs_admin");
    let record = other.get(format!("/api/v1/admin/users/{}", kim.id)).await.json();
    assert_eq!(record["appeals"][0]["id"], json!(id));
    assert_eq!(rule(&moderator, &kim, &id, "reversed").await, "403 needs_admin");
    assert_eq!(rule(&admin, &kim, &id, "upheld").await, "403 own_decision");
    for _ in 0..2 {
        assert_eq!(rule(&other, &kim, &id, "reversed").await, "200", "a repeat changes nothing");
    }
    assert_eq!(rule(&other, &kim, &id, "upheld").await, "409 appeal_decided");
    assert_eq!(app.account(&kim.id).await.standing, AccountStatus::Active);
    assert_eq!(open(&other).await.len(), 0);
    let log = admin.get("/api/v1/admin/audit").query("action", "reverse_decision").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 1);

    // A new decision can be appealed again, and the only admin left decides on it.
    advance_a_minute(&app);
    ban(&admin, &kim).await;
    let next = appeal(&app, &kim, None).await;
    assert_ne!(next, id);
    app.suspend(&Actor::member("other").id, "left", None).await;
    assert_eq!(rule(&admin, &kim, &next, "upheld").await, "200");
    assert!(!app.account(&kim.id).await.standing.allows(app.now()));
}

#[tokio::test]
async fn a_reversed_rejection_is_in_review_again() {
    let app = staff_app();
    let (admin, moderator) = (app.client(&Actor::admin()), app.client(&Actor::moderator()));
    let listing = pending_listing(&app, &lena(), "Rembrandt").await;
    assert_eq!(reject(&app, &moderator, &listing, "Too dark.").await.status(), 200);
    let id = appeal(&app, &lena(), Some(&listing)).await;
    let waits = open(&moderator).await;
    assert_eq!(
        (&waits[0]["about"], &waits[0]["listing"]["name"]),
        (&json!("rejection"), &json!("Rembrandt"))
    );
    app.suspend(&lena().id, "spam", None).await;
    assert_eq!(rule(&admin, &lena(), &id, "reversed").await, "200");
    assert_eq!(own_listing(&app, &lena(), &listing).await.listing.state(), State::Pending);
    let page = moderator.get(PENDING).await.json();
    assert_eq!(page["items"][0]["listing_id"], json!(listing));
}

#[tokio::test]
async fn a_reversed_strike_is_withdrawn_and_selling_goes_on() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    assert_eq!(admin.get(PENDING).await.status(), 200);
    super::flags::strike(&app, &lena(), 3).await;
    let until = async || app.account(&lena().id).await.selling_suspended_until;
    assert!(until().await.is_some());
    let listing = app.store.whole_shelf(&lena().id).await.unwrap().remove(0);
    let id = appeal(&app, &lena(), Some(&listing.id)).await;
    let moderator = app.client(&Actor::moderator());
    assert_eq!(rule(&moderator, &lena(), &id, "reversed").await, "403 own_decision");
    let own = app.client(&lena().as_admin());
    assert_eq!(rule(&own, &lena(), &id, "reversed").await, "403 own_listing");
    assert_eq!(rule(&admin, &lena(), &id, "reversed").await, "200");
    assert_eq!(until().await, None);
    assert_eq!(app.store.strikes(&lena().id).await.unwrap().strikes.len(), 2);
    assert!(app.store.listing_page(&listing.id, app.now()).await.is_ok(), "on sale again");
    assert_eq!(
        rule(&admin, &lena(), "apl_01JD0000000000000000000000", "upheld").await,
        "404 appeal_not_found"
    );
    let nobodys = "/api/v1/admin/users/a%20b/appeals/apl_01JD0000000000000000000000/resolve";
    let body = json!({ "outcome": "upheld", "reason": "Looked at again." });
    assert_eq!(admin.post(nobodys).json(body).await.brief(), "404 appeal_not_found");
}

#[tokio::test]
async fn a_decision_that_has_ended_is_not_undone_twice() {
    let app = staff_app();
    let (admin, moderator) = (app.client(&Actor::admin()), app.client(&Actor::moderator()));
    assert_eq!(admin.get(PENDING).await.status(), 200);
    let listing = pending_listing(&app, &lena(), "Rembrandt").await;
    assert_eq!(reject(&app, &moderator, &listing, "Too dark.").await.status(), 200);
    let id = appeal(&app, &lena(), Some(&listing)).await;
    edit(&app, &lena(), &listing, "Brighter").await;
    assert_eq!(rule(&admin, &lena(), &id, "reversed").await, "200");
    assert_eq!(own_listing(&app, &lena(), &listing).await.listing.state(), State::Draft);
    let nothing = app.store.make_appeal((&lena().id, None), Some(&listing), "No.", app.now()).await;
    assert_eq!(domain::DomainError::code(&nothing.unwrap_err()), "no_decision");
}

/// Who was suspended may be staff again when the appeal is decided.
#[tokio::test]
async fn staff_do_not_rule_on_their_own_suspension_or_an_admins() {
    let app = staff_app();
    let admin = app.client(&Actor::admin());
    let kim = app.member("kim", Plan::Free, 10).await;
    let body = json!({ "reason": "Spam.", "until": app.now().plus(DAY) });
    let banned = admin.post(format!("/api/v1/admin/users/{}/ban", kim.id)).json(body).await;
    assert_eq!(banned.status(), 200, "{}", banned.pretty());
    let id = appeal(&app, &kim, None).await;
    app.ambient.clock.advance(DAY);
    for own in [kim.as_moderator(), kim.as_admin()] {
        assert_eq!(rule(&app.client(&own), &kim, &id, "reversed").await, "403 own_account");
    }
    let other = app.client(&Actor::member("other").as_admin());
    assert_eq!(rule(&other, &kim, &id, "reversed").await, "403 target_is_admin");
    assert_eq!(open(&other).await.len(), 1, "nothing is decided");

    let demoted = app.client(&kim.as_moderator());
    assert_eq!(demoted.get(PENDING).await.status(), 200);
    assert_eq!(rule(&other, &kim, &id, "upheld").await, "200");
}

#[tokio::test]
async fn staff_do_not_rule_on_what_they_bought_or_reported() {
    let app = staff_app();
    let (admin, moderator) = (app.client(&Actor::admin()), app.client(&Actor::moderator()));
    let (listing, involved) = listing_with_involved_staff(&app).await;
    assert_eq!(reject(&app, &moderator, &listing, "Too dark.").await.status(), 200);
    let id = appeal(&app, &lena(), Some(&listing)).await;
    for (who, refused) in &involved {
        for outcome in ["upheld", "reversed"] {
            assert_eq!(rule(&app.client(who), &lena(), &id, outcome).await, *refused);
        }
    }
    assert_eq!(open(&admin).await.len(), 1, "nothing is decided");
    assert_eq!(rule(&admin, &lena(), &id, "reversed").await, "200");
    assert!(own_listing(&app, &lena(), &listing).await.listing.pending_since().is_some());
}

/// A listing that was never on sale is gone when its creator retires it.
#[tokio::test]
async fn a_deleted_listing_is_not_in_review_again() {
    let app = staff_app();
    let (admin, moderator) = (app.client(&Actor::admin()), app.client(&Actor::moderator()));
    let listing = pending_listing(&app, &lena(), "Rembrandt").await;
    assert_eq!(reject(&app, &moderator, &listing, "Too dark.").await.status(), 200);
    let id = appeal(&app, &lena(), Some(&listing)).await;
    app.store.retire_listing(&lena().id, &listing, app.now()).await.unwrap();
    assert_eq!(rule(&admin, &lena(), &id, "reversed").await, "404 listing_not_found");
    assert_eq!(open(&admin).await.len(), 1, "nothing is decided");
    assert_eq!(rule(&admin, &lena(), &id, "upheld").await, "200");
    assert_eq!(open(&admin).await.len(), 0);
}

#[tokio::test]
async fn a_listing_without_pictures_or_with_anothers_model_stays_off_sale() {
    let app = staff_app();
    let (admin, moderator) = (app.client(&Actor::admin()), app.client(&Actor::moderator()));
    let seen = pending_listing(&app, &lena(), "Rembrandt").await;
    let tailored = pending_model(&app, &lena(), "acme-v1").await;
    let appealed = async |listing: &ListingId, pictures: &str| {
        assert_eq!(approve(&app, &moderator, listing).await.status(), 200);
        let body = json!({ "reason": "Not hers.", "pictures": pictures });
        let delisted = moderator.post(listing_path(listing, "delist")).json(body).await;
        assert_eq!(delisted.status(), 200, "{}", delisted.pretty());
        appeal(&app, &lena(), Some(listing)).await
    };
    let cases = [
        (&seen, appealed(&seen, "remove").await, "409 no_preview"),
        (&tailored, appealed(&tailored, "keep").await, "409 model_taken"),
    ];
    let theirs = pending_model(&app, &Actor::member("mara"), "acme-v1").await;
    assert_eq!(approve(&app, &moderator, &theirs).await.status(), 200);
    for (listing, id, refused) in cases {
        assert_eq!(rule(&admin, &lena(), &id, "reversed").await, refused);
        assert!(own_listing(&app, &lena(), listing).await.listing.is_taken_off());
        assert_eq!(rule(&admin, &lena(), &id, "upheld").await, "200", "the appeal was open");
    }
}
