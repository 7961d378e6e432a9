//! Reports of members, decisions of moderators, and the effect of strikes.

use std::collections::BTreeSet;

use domain::{
    id::UserId,
    marketplace::{
        listing::card::Change,
        listing::{DelistedBy, HiddenReason, State},
        moderation::flag::{FlagReason, FlagSubject},
        moderation::strike::{STRIKE_COUNTS, STRIKES_TO_SUSPEND, Seller},
    },
    time::DAY,
};
use expect_test::expect;
use serde_json::Value;
use store::NewFlag;

use super::*;

/// A listing on sale.
async fn listing_on_sale(app: &TestApp, creator: &Actor, title: &str) -> ListingId {
    let id = pending_listing(app, creator, title).await;
    let moderator = app.client(&Actor::moderator());
    assert_eq!(approve(app, &moderator, &id).await.status(), 200);
    advance_a_minute(app);
    id
}

pub(super) async fn flag(app: &TestApp, id: &ListingId, members: &[&str]) {
    for name in members {
        let user = UserId::parse(name).unwrap();
        let (subject, reason) = (FlagSubject::listing(id), FlagReason::Copied);
        let new = NewFlag { subject, reason, text: None };
        app.store.add_flag((&user, None), id, &new, app.now()).await.unwrap();
    }
}

/// A listing on sale, reported by three members.
pub(super) async fn flagged_listing(app: &TestApp, creator: &Actor, title: &str) -> ListingId {
    let id = listing_on_sale(app, creator, title).await;
    flag(app, &id, &["ada", "kim", "sam"]).await;
    advance_a_minute(app);
    id
}

async fn decide(by: &Client<'_>, id: &ListingId, decision: &str, seen: u64) -> Answer {
    let body = json!({ "decision": decision, "reason": "Copied.", "seen": seen });
    by.post(resolve_path(id)).json(body).await
}

/// `times` strikes, each on its own listing.
pub(super) async fn strike(app: &TestApp, creator: &Actor, times: usize) {
    for nth in 0..times {
        let id = flagged_listing(app, creator, &format!("Copy {nth}")).await;
        let answer = decide(&app.client(&Actor::moderator()), &id, "strike", 3).await;
        assert_eq!(answer.status(), 200, "{}", answer.brief());
    }
}

/// The listings in the whole index, and those of the latest changes.
async fn found(app: &TestApp) -> [BTreeSet<ListingId>; 2] {
    let whole = testing::listings::on_sale(&app.store).await;
    let mut followed = BTreeSet::new();
    let start = app.now().minus(DAY * 100);
    for change in app.store.catalogue_changes(start).await.unwrap().items {
        match change.change {
            Change::Listed(entry) => followed.insert(entry.card.id),
            Change::Unlisted { listing_id, .. } => followed.remove(&listing_id),
        };
    }
    [whole.into_iter().map(|entry| entry.card.id).collect(), followed]
}

async fn is_found(app: &TestApp, id: &ListingId) -> bool {
    let [whole, followed] = found(app).await.map(|ids| ids.contains(id));
    assert_eq!(whole, followed, "the index and its changes agree");
    let hot = app.store.hottest(domain::marketplace::Category::Portrait, 40).await;
    let hot = hot.unwrap().items.iter().any(|(card, _)| card.id == *id);
    assert_eq!(whole, hot, "the popular lists agree, too");
    assert_eq!(whole, app.store.listing_page(id, app.now()).await.is_ok());
    whole
}

/// One run of `background-follow-sellers`.
async fn follow_sellers(app: &TestApp) -> u64 {
    let mut moved = 0;
    for creator in app.store.due_sellers(app.now(), None, 20).await.unwrap().items {
        moved += app.store.sync_visibility(&creator, app.now()).await.unwrap();
    }
    moved
}

#[tokio::test]
async fn the_longest_reported_listing_is_first() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let one = flagged_listing(&app, &lena(), "Rembrandt").await;
    let two = listing_on_sale(&app, &lena(), "Another").await;
    flag(&app, &two, &["ada", "kim"]).await;
    let three = flagged_listing(&app, &Actor::member("kai"), "A third").await;
    let page = moderator.get(FLAGS).await.json();
    let ids: Vec<&Value> =
        page["items"].as_array().unwrap().iter().map(|item| &item["listing_id"]).collect();
    assert_eq!(ids, [&json!(one), &json!(three)], "two reports are not enough");
    let mut item = page["items"][0].clone();
    item["listing"]["previews"].take();
    expect![[r#"
        {
          "due_since": "2026-11-22T09:01:00.000Z",
          "flags": 3,
          "id": "lst_01M817QNM00000000000000001",
          "image": null,
          "listing": {
            "category": "portrait",
            "description": "One warm key,\n\na whisper of fill.",
            "previews": null,
            "price": {
              "amount": 900,
              "currency": "usd"
            },
            "published_at": "2026-11-22T09:00:00.000Z",
            "sales": 0,
            "status": "approved",
            "tags": [
              "moody"
            ],
            "title": "Rembrandt",
            "type": "lighting_preset"
          },
          "listing_id": "lst_01M817QNM00000000000000001",
          "member": {
            "approved": 2,
            "delisted": 0,
            "display_name": null,
            "id": "user_lena",
            "live_strikes": 0,
            "member_since": "2026-11-22T09:00:00.000Z",
            "rejected": 0,
            "sales": 0,
            "selling_suspended_until": null
          },
          "reasons": {
            "copied": 3
          },
          "review": null,
          "subject": "listing",
          "texts": [],
          "version": 3
        }"#]]
    .assert_eq(&format!("{item:#}"));

    let first = moderator.get(FLAGS).query("limit", 1).await.json();
    assert_eq!(first["items"][0]["listing_id"], json!(one));
    decide(&moderator, &one, "dismiss", 3).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = moderator.get(FLAGS).query("limit", 1).query("cursor", cursor).await.json();
    assert_eq!(next["items"][0]["listing_id"], json!(three), "also while others decide");
    assert_eq!(next["next_cursor"], json!(null));
    for made_up in ["x", "e30", "IQ"] {
        let answer = moderator.get(FLAGS).query("cursor", made_up).await;
        assert_eq!(answer.status(), 422, "{made_up}: {}", answer.brief());
    }
}

#[tokio::test]
async fn after_a_dismissal_a_listing_stays_on_sale_and_its_reporters_do_not_count() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = flagged_listing(&app, &lena(), "Rembrandt").await;
    let dismissal = json!({ "decision": "dismiss", "reason": "All is well.", "seen": 3 });
    let dismiss = || moderator.post(resolve_path(&id)).key("k").json(dismissal.clone());
    let (answer, again) = (dismiss().await, dismiss().await);
    assert_eq!((answer.status(), answer.json()), (200, again.json()));
    expect![[r#"
        {
          "decision": "dismiss",
          "id": "lst_01M817QNM00000000000000001",
          "listing_id": "lst_01M817QNM00000000000000001",
          "live_strikes": 0,
          "selling_suspended_until": null,
          "status": "approved"
        }"#]]
    .assert_eq(&format!("{:#}", answer.json()));
    assert!(is_found(&app, &id).await);
    flag(&app, &id, &["ada", "kim", "sam", "eve", "zoe"]).await;
    let due = async || moderator.get(FLAGS).await.json()["items"].clone();
    assert_eq!(due().await, json!([]));
    flag(&app, &id, &["max"]).await;
    assert_eq!(due().await[0]["flags"], 3);
}

#[tokio::test]
async fn a_moderator_decides_on_flags_they_have_seen() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = flagged_listing(&app, &lena(), "Rembrandt").await;
    flag(&app, &id, &["eve"]).await;
    let brief = async |decision, seen| decide(&moderator, &id, decision, seen).await.brief();
    assert_eq!(brief("strike", 3).await, "409 flags_changed");
    assert_eq!(brief("delist", 4).await, "200");
    for decision in ["dismiss", "delist", "strike"] {
        assert_eq!(brief(decision, 4).await, "409 flags_resolved");
    }
    let own = own_listing(&app, &lena(), &id).await;
    let (by, reason) = own.listing.delisted.map(|it| (it.by, it.reason)).unwrap();
    assert_eq!((by, reason.as_deref()), (DelistedBy::Staff, Some("Copied.")));
    assert!(!is_found(&app, &id).await);
    let strikes = app.store.strikes(&lena().id).await.unwrap();
    assert_eq!(strikes.strikes, []);
    assert_eq!(brief("shrug", 4).await.split(' ').next(), Some("422"));
    let missing = ListingId::new(app.now(), 999);
    let answer = decide(&moderator, &missing, "delist", 1).await;
    assert_eq!(answer.brief(), "404 listing_not_found");
}

/// Taking a listing off sale also resolves its reports.
#[tokio::test]
async fn delisting_resolves_the_flags_of_a_listing() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let id = flagged_listing(&app, &lena(), "Rembrandt").await;
    let two = listing_on_sale(&app, &lena(), "Another").await;
    flag(&app, &two, &["ada"]).await;
    for id in [&id, &two] {
        let body = json!({ "reason": "Copied." });
        assert_eq!(moderator.post(listing_path(id, "delist")).json(body).await.status(), 200);
    }
    let due = moderator.get(FLAGS).await.json();
    assert_eq!(due["items"], json!([]));
    let answer = decide(&moderator, &id, "strike", 3).await;
    assert_eq!(answer.brief(), "409 flags_resolved");
}

#[test]
fn of_two_moderators_at_once_one_resolves() {
    let app = staff_app();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let id = runtime.block_on(flagged_listing(&app, &lena(), "Rembrandt"));
    let mut answers = testing::at_once(2, |nth| {
        let (app, id) = (&app, &id);
        async move {
            let by = if nth == 0 { Actor::moderator() } else { Actor::admin() };
            decide(&app.client(&by), id, "strike", 3).await.brief()
        }
    });
    answers.sort();
    assert_eq!(answers, ["200", "409 flags_resolved"]);
    let strikes = runtime.block_on(app.store.strikes(&lena().id)).unwrap();
    assert_eq!(strikes.strikes.len(), 1);
}

/// A moderator who reported or bought a listing may not decide on it or on others' reports.
#[tokio::test]
async fn staff_do_not_resolve_what_they_reported_or_bought() {
    let app = staff_app();
    let (store, now, by) = (&app.store, app.now(), &lena().id);
    let what = (Kind::LightingPreset, listings::description("Free", 0));
    let id = listings::draft(store, (by, ListingId::new(now, 7)), what, now).await;
    listings::publish(store, by, &id, now).await;
    let (reporter, buyer) = (Actor::member("ada"), Actor::member("kim"));
    listings::taken(store, &buyer.id, &id, now).await;
    flag(&app, &id, &[reporter.id.as_str(), "mia", "sam"]).await;
    advance_a_minute(&app);
    for (who, code) in [(&reporter, "own_report"), (&buyer, "own_purchase")] {
        let staff = app.client(&who.as_moderator());
        for decision in ["dismiss", "delist", "strike"] {
            let answer = decide(&staff, &id, decision, 3).await;
            assert_eq!(answer.brief(), format!("403 {code}"), "{decision}");
        }
        let delisted =
            staff.post(listing_path(&id, "delist")).json(json!({ "reason": "Copied." })).await;
        assert_eq!(delisted.brief(), format!("403 {code}"));
    }
    assert_eq!(decide(&app.client(&Actor::moderator()), &id, "dismiss", 3).await.status(), 200);
}

#[tokio::test]
async fn staff_do_not_resolve_their_own_and_a_banned_moderator_decides_nothing() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let own = pending_listing(&app, &moderator, "Mine").await;
    assert_eq!(approve(&app, &app.client(&Actor::admin()), &own).await.status(), 200);
    flag(&app, &own, &["ada", "kim", "sam"]).await;
    let answer = decide(&moderator, &own, "dismiss", 3).await;
    assert_eq!(answer.brief(), "403 own_listing");

    let id = flagged_listing(&app, &lena(), "Rembrandt").await;
    app.suspend(&moderator.id, "Bribed.", None).await;
    let waits = pending_listing(&app, &lena(), "Another").await;
    let answers = [
        decide(&moderator, &id, "delist", 3).await,
        approve(&app, &moderator, &waits).await,
        moderator.post(listing_path(&id, "delist")).json(json!({ "reason": "Copied." })).await,
    ];
    assert_eq!(answers.map(|answer| answer.brief()), ["403 account_suspended"; 3]);
}

#[tokio::test]
async fn three_strikes_hide_all_listings_until_the_first_strike_ends() {
    let app = staff_app();
    let (kept, others) = (
        listing_on_sale(&app, &lena(), "Kept").await,
        listing_on_sale(&app, &Actor::member("kai"), "Theirs").await,
    );
    strike(&app, &lena(), STRIKES_TO_SUSPEND - 1).await;
    assert!(is_found(&app, &kept).await);
    let begun = app.store.strikes(&lena().id).await.unwrap().strikes[0].at;
    strike(&app, &lena(), 1).await;
    assert!(!is_found(&app, &kept).await);
    assert!(is_found(&app, &others).await);
    let own = own_listing(&app, &lena(), &kept).await;
    assert_eq!(own.listing.state(), State::Approved, "its own state is what it was");
    let until = own.creator.selling_suspended_until.unwrap();
    assert_eq!(until, begun.plus(STRIKE_COUNTS));
    let hidden = own.listing.hidden_by(&Seller::from(&own.creator), app.now());
    assert_eq!((hidden.len(), hidden[0].code), (1, HiddenReason::SellingSuspended));
    assert_eq!(follow_sellers(&app).await, 0, "nothing is left to be done");

    app.ambient.clock.advance(STRIKE_COUNTS);
    assert_eq!(follow_sellers(&app).await, 1);
    assert!(is_found(&app, &kept).await);
    assert_eq!(follow_sellers(&app).await, 0);
}

/// A listing approved during the suspension is hidden, and is shown when the suspension is over.
#[tokio::test]
async fn a_listing_approved_for_a_suspended_seller_is_hidden() {
    let app = staff_app();
    let moderator = app.client(&Actor::moderator());
    let sold = listing_on_sale(&app, &lena(), "Sold").await;
    let waits = pending_listing(&app, &lena(), "Waits").await;
    strike(&app, &lena(), STRIKES_TO_SUSPEND).await;
    let answer = approve(&app, &moderator, &waits).await;
    assert_eq!((answer.status(), &answer.json()["status"]), (200, &json!("approved")));
    assert!(!is_found(&app, &waits).await);
    edit(&app, &lena(), &sold, "Sold, again").await;
    assert!(!is_found(&app, &sold).await, "an edit does not show it either");

    app.ambient.clock.advance(STRIKE_COUNTS);
    assert_eq!(follow_sellers(&app).await, 2);
    assert!(is_found(&app, &sold).await && is_found(&app, &waits).await);
}

/// A strike whose follow-up was interrupted: nothing is sold, and the next run hides the rest.
#[tokio::test]
async fn an_interrupted_strike_is_completed_within_a_minute() {
    let app = staff_app();
    let kept = listing_on_sale(&app, &lena(), "Kept").await;
    strike(&app, &lena(), STRIKES_TO_SUSPEND - 1).await;
    let id = flagged_listing(&app, &lena(), "The last").await;
    let (store, now) = (&app.store, app.now());
    let decision = domain::marketplace::moderation::flag::Decision::Strike;
    let entry = listings::judged(domain::audit::Action::Strike, &id);
    store.resolve_flags((&entry, &id), (decision, "Copied."), 3, now).await.unwrap();
    assert!(store.listing_page(&kept, now).await.is_err(), "its page is hidden at once");
    assert!(found(&app).await[0].contains(&kept));
    advance_a_minute(&app);
    assert_eq!(follow_sellers(&app).await, 1);
    assert!(!is_found(&app, &kept).await);
    assert_eq!(follow_sellers(&app).await, 0);
}

/// The same rule applies to bans: a change of the suspension updates the listings.
#[tokio::test]
async fn listings_follow_a_ban_and_its_end() {
    let app = staff_app();
    let id = listing_on_sale(&app, &lena(), "Rembrandt").await;
    let (store, now) = (&app.store, app.now());
    assert_eq!(store.sync_visibility(&lena().id, now).await.unwrap(), 0);
    let until = now.plus(DAY);
    app.suspend(&lena().id, "Spam.", Some(until)).await;
    for moved in [1, 0] {
        assert_eq!(store.sync_visibility(&lena().id, now).await.unwrap(), moved);
    }
    assert!(!is_found(&app, &id).await);
    app.ambient.clock.advance(DAY);
    for moved in [1, 0] {
        assert_eq!(store.sync_visibility(&lena().id, app.now()).await.unwrap(), moved);
    }
    assert!(is_found(&app, &id).await);
}
