//! Reports of members, decisions of moderators, and the effect of strikes.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    id::UserId,
    marketplace::{
        listing::card::Change,
        moderation::{
            flag::FlagReason,
            strike::{STRIKE_COUNTS, STRIKES_TO_SUSPEND},
        },
    },
    time::DAY,
};

use super::*;

impl StaffApp {
    /// A listing on sale.
    async fn on_sale(&self, creator: &Actor, title: &str) -> ListingId {
        let id = self.waiting(creator, title).await;
        assert_eq!(self.approve(&self.shown(&Actor::moderator(), &id).await).await.status(), 200);
        self.later();
        id
    }

    async fn flag(&self, id: &ListingId, members: &[&str]) {
        for name in members {
            let user = UserId::parse(name).unwrap();
            let (store, now) = (&self.app.store, self.app.now());
            store.flag_listing((&user, None), id, FlagReason::Copied, now).await.unwrap();
        }
    }

    /// A listing on sale, reported by three members.
    async fn flagged(&self, creator: &Actor, title: &str) -> ListingId {
        let id = self.on_sale(creator, title).await;
        self.flag(&id, &["ada", "kim", "sam"]).await;
        self.later();
        id
    }

    async fn decide(&self, by: &Actor, id: &ListingId, decision: &str, seen: u64) -> Answer {
        let body = json!({ "decision": decision, "reason": "Copied.", "seen": seen });
        self.resolve(&verdict(by, id, body)).await
    }

    /// `times` strikes, each on its own listing.
    async fn strike(&self, creator: &Actor, times: usize) {
        for nth in 0..times {
            let id = self.flagged(creator, &format!("Copy {nth}")).await;
            let answer = self.decide(&Actor::moderator(), &id, "strike", 3).await;
            assert_eq!(answer.status(), 200, "{}", answer.brief());
        }
    }

    /// What is found, from the whole index and from the latest changes.
    async fn found(&self) -> [BTreeSet<ListingId>; 2] {
        let store = &self.app.store;
        let whole = store.whole_catalogue().await.unwrap();
        let mut followed = BTreeSet::new();
        let start = self.app.now().minus(DAY * 100);
        for change in store.catalogue_changes(start).await.unwrap() {
            match change.change {
                Change::Listed(entry) => followed.insert(entry.card.id),
                Change::Unlisted { listing_id, .. } => followed.remove(&listing_id),
            };
        }
        [whole.into_iter().map(|entry| entry.card.id).collect(), followed]
    }

    async fn is_found(&self, id: &ListingId) -> bool {
        let [whole, followed] = self.found().await.map(|ids| ids.contains(id));
        assert_eq!(whole, followed, "the index and its changes agree");
        let now = self.app.now();
        let hot = self.app.store.hottest(domain::marketplace::Category::Portrait, 40).await;
        let hot = hot.unwrap().iter().any(|(card, _)| card.id == *id);
        assert_eq!(whole, hot, "the popular lists agree, too");
        assert_eq!(whole, self.app.store.listing_page(id, now).await.is_ok());
        whole
    }

    fn pass(&self, time: Duration) {
        self.app.ambient.clock.advance(time);
    }

    /// One run of `background-follow-sellers`.
    async fn sweep(&self) -> u64 {
        let (store, now) = (&self.app.store, self.app.now());
        let mut moved = 0;
        for creator in store.due_sellers(now, 20).await.unwrap() {
            moved += store.sync_visibility(&creator, now).await.unwrap();
        }
        moved
    }
}

#[tokio::test]
async fn what_is_reported_longest_comes_first() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let one = desk.flagged(&lena(), "Rembrandt").await;
    let two = desk.on_sale(&lena(), "Another").await;
    desk.flag(&two, &["ada", "kim"]).await;
    let three = desk.flagged(&Actor::member("kai"), "A third").await;
    let page = desk.flags(&TestRequest::by(&moderator)).await.json();
    let ids: Vec<&Value> =
        page["items"].as_array().unwrap().iter().map(|item| &item["listing_id"]).collect();
    assert_eq!(ids, [&json!(one), &json!(three)], "two reports are not enough");
    let mut item = page["items"][0].clone();
    item["listing"]["previews"].take();
    expect![[r#"
        {
          "creator": {
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
          "due_since": "2026-11-22T09:01:00.000Z",
          "flags": 3,
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
            "state": "approved",
            "tags": [
              "moody"
            ],
            "title": "Rembrandt",
            "type": "lighting_preset"
          },
          "listing_id": "lst_01M817QNM00000000000000001",
          "reasons": {
            "copied": 3
          },
          "version": 3
        }"#]]
    .assert_eq(&format!("{item:#}"));

    let first = desk.flags(&TestRequest::by(&moderator).query("limit", 1)).await.json();
    assert_eq!(first["items"][0]["listing_id"], json!(one));
    desk.decide(&moderator, &one, "dismiss", 3).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = TestRequest::by(&moderator).query("limit", 1).query("cursor", cursor);
    let next = desk.flags(&next).await.json();
    assert_eq!(next["items"][0]["listing_id"], json!(three), "also while others decide");
    assert_eq!(next["next_cursor"], json!(null));
    for made_up in ["x", "e30", "IQ"] {
        let answer = desk.flags(&TestRequest::by(&moderator).query("cursor", made_up)).await;
        assert_eq!(answer.status(), 422, "{made_up}: {}", answer.brief());
    }
}

#[tokio::test]
async fn what_is_dismissed_stays_on_sale_and_is_not_reported_again() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.flagged(&lena(), "Rembrandt").await;
    let ask = verdict(
        &moderator,
        &id,
        json!({ "decision": "dismiss", "reason": "All is well.", "seen": 3 }),
    );
    let (answer, again) =
        (desk.resolve(&ask.clone().key("k")).await, desk.resolve(&ask.key("k")).await);
    assert_eq!((answer.status(), answer.json()), (200, again.json()));
    expect![[r#"
        {
          "decision": "dismiss",
          "listing_id": "lst_01M817QNM00000000000000001",
          "live_strikes": 0,
          "selling_suspended_until": null,
          "state": "approved"
        }"#]]
    .assert_eq(&format!("{:#}", answer.json()));
    assert!(desk.is_found(&id).await);
    desk.flag(&id, &["ada", "kim", "sam", "eve", "zoe"]).await;
    let due = async || desk.flags(&TestRequest::by(&moderator)).await.json()["items"].clone();
    assert_eq!(due().await, json!([]));
    desk.flag(&id, &["max"]).await;
    assert_eq!(due().await[0]["flags"], 3);
}

#[tokio::test]
async fn a_moderator_decides_on_flags_they_have_seen() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.flagged(&lena(), "Rembrandt").await;
    desk.flag(&id, &["eve"]).await;
    let brief = async |decision, seen| desk.decide(&moderator, &id, decision, seen).await.brief();
    assert_eq!(brief("strike", 3).await, "409 flags_changed");
    assert_eq!(brief("delist", 4).await, "200");
    for decision in ["dismiss", "delist", "strike"] {
        assert_eq!(brief(decision, 4).await, "409 flags_resolved");
    }
    let own = desk.own(&lena(), &id).await;
    let (by, reason) = own.listing.delisted.map(|it| (it.by, it.reason)).unwrap();
    assert_eq!((by, reason.as_deref()), (DelistedBy::Staff, Some("Copied.")));
    assert!(!desk.is_found(&id).await);
    let strikes = desk.app.store.strikes(&lena().id).await.unwrap();
    assert_eq!(strikes.strikes, []);
    assert_eq!(brief("shrug", 4).await.split(' ').next(), Some("422"));
    let missing = ListingId::new(desk.app.now(), 999);
    let answer = desk.decide(&moderator, &missing, "delist", 1).await;
    assert_eq!(answer.brief(), "404 listing_not_found");
}

/// Taking a listing off sale also resolves its reports.
#[tokio::test]
async fn nothing_is_left_to_decide_of_what_is_taken_off_sale() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let id = desk.flagged(&lena(), "Rembrandt").await;
    let two = desk.on_sale(&lena(), "Another").await;
    desk.flag(&two, &["ada"]).await;
    for id in [&id, &two] {
        let body = json!({ "reason": "Copied." });
        assert_eq!(desk.delist(&verdict(&moderator, id, body)).await.status(), 200);
    }
    let due = desk.flags(&TestRequest::by(&moderator)).await.json();
    assert_eq!(due["items"], json!([]));
    let answer = desk.decide(&moderator, &id, "strike", 3).await;
    assert_eq!(answer.brief(), "409 flags_resolved");
}

#[test]
fn of_two_moderators_one_resolves_and_the_other_is_told() {
    let desk = StaffApp::open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let id = runtime.block_on(desk.flagged(&lena(), "Rembrandt"));
    let mut said = testing::at_once(2, |nth| {
        let (desk, id) = (&desk, &id);
        async move {
            let by = if nth == 0 { Actor::moderator() } else { Actor::admin() };
            desk.decide(&by, id, "strike", 3).await.brief()
        }
    });
    said.sort();
    assert_eq!(said, ["200", "409 flags_resolved"]);
    let strikes = runtime.block_on(desk.app.store.strikes(&lena().id)).unwrap();
    assert_eq!(strikes.strikes.len(), 1);
}

/// A moderator who reported or bought a listing may not decide on it or on others' reports.
#[tokio::test]
async fn nobody_resolves_what_they_reported_or_bought() {
    let desk = StaffApp::open();
    let (store, now, by) = (&desk.app.store, desk.app.now(), &lena().id);
    let what = (Kind::LightingPreset, listings::description("Free", 0));
    let id = listings::draft(store, (by, ListingId::new(now, 7)), what, now).await;
    listings::publish(store, by, &id, now).await;
    let (reporter, buyer) = (Actor::member("ada"), Actor::member("kim"));
    listings::taken(store, &buyer.id, &id, now).await;
    desk.flag(&id, &[reporter.id.as_str(), "mia", "sam"]).await;
    desk.later();
    for (who, code) in [(&reporter, "own_report"), (&buyer, "own_purchase")] {
        let staff = who.as_moderator();
        for decision in ["dismiss", "delist", "strike"] {
            let answer = desk.decide(&staff, &id, decision, 3).await;
            assert_eq!(answer.brief(), format!("403 {code}"), "{decision}");
        }
        let delisted = desk.delist(&verdict(&staff, &id, json!({ "reason": "Copied." }))).await;
        assert_eq!(delisted.brief(), format!("403 {code}"));
    }
    assert_eq!(desk.decide(&Actor::moderator(), &id, "dismiss", 3).await.status(), 200);
}

#[tokio::test]
async fn nobody_resolves_their_own_and_a_banned_moderator_decides_nothing() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let own = desk.waiting(&moderator, "Mine").await;
    assert_eq!(desk.approve(&desk.shown(&Actor::admin(), &own).await).await.status(), 200);
    desk.flag(&own, &["ada", "kim", "sam"]).await;
    let answer = desk.decide(&moderator, &own, "dismiss", 3).await;
    assert_eq!(answer.brief(), "403 own_listing");

    let id = desk.flagged(&lena(), "Rembrandt").await;
    desk.app.suspend(&moderator.id, "Bribed.", None).await;
    let waits = desk.waiting(&lena(), "Another").await;
    let answers = [
        desk.decide(&moderator, &id, "delist", 3).await,
        desk.approve(&desk.shown(&moderator, &waits).await).await,
        desk.delist(&verdict(&moderator, &id, json!({ "reason": "Copied." }))).await,
    ];
    assert_eq!(answers.map(|answer| answer.brief()), ["403 account_suspended"; 3]);
}

#[tokio::test]
async fn three_strikes_hide_everything_until_the_first_of_them_is_over() {
    let desk = StaffApp::open();
    let (kept, others) =
        (desk.on_sale(&lena(), "Kept").await, desk.on_sale(&Actor::member("kai"), "Theirs").await);
    desk.strike(&lena(), STRIKES_TO_SUSPEND - 1).await;
    assert!(desk.is_found(&kept).await);
    let begun = desk.app.store.strikes(&lena().id).await.unwrap().strikes[0].at;
    desk.strike(&lena(), 1).await;
    assert!(!desk.is_found(&kept).await);
    assert!(desk.is_found(&others).await);
    let own = desk.own(&lena(), &kept).await;
    assert_eq!(own.listing.state(), State::Approved, "its own state is what it was");
    let until = own.creator.selling_suspended_until.unwrap();
    assert_eq!(until, begun.plus(STRIKE_COUNTS));
    let hidden = own.listing.hidden_reasons(&Seller::from(&own.creator), desk.app.now());
    assert_eq!(hidden, [HiddenReason::SellingSuspended]);
    assert_eq!(desk.sweep().await, 0, "nothing is left to be done");

    desk.pass(STRIKE_COUNTS);
    assert_eq!(desk.sweep().await, 1);
    assert!(desk.is_found(&kept).await);
    assert_eq!(desk.sweep().await, 0);
}

/// A listing approved during the suspension is hidden, and is shown when the suspension is over.
#[tokio::test]
async fn what_is_approved_of_a_suspended_seller_is_not_shown() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let sold = desk.on_sale(&lena(), "Sold").await;
    let waits = desk.waiting(&lena(), "Waits").await;
    desk.strike(&lena(), STRIKES_TO_SUSPEND).await;
    let answer = desk.approve(&desk.shown(&moderator, &waits).await).await;
    assert_eq!((answer.status(), &answer.json()["state"]), (200, &json!("approved")));
    assert!(!desk.is_found(&waits).await);
    desk.edit(&lena(), &sold, "Sold, again").await;
    assert!(!desk.is_found(&sold).await, "an edit does not show it either");

    desk.pass(STRIKE_COUNTS);
    assert_eq!(desk.sweep().await, 2);
    assert!(desk.is_found(&sold).await && desk.is_found(&waits).await);
}

/// A strike whose follow-up was interrupted: nothing is sold, and the next run hides the rest.
#[tokio::test]
async fn a_strike_that_was_cut_off_is_followed_within_a_minute() {
    let desk = StaffApp::open();
    let kept = desk.on_sale(&lena(), "Kept").await;
    desk.strike(&lena(), STRIKES_TO_SUSPEND - 1).await;
    let id = desk.flagged(&lena(), "The last").await;
    let (store, now) = (&desk.app.store, desk.app.now());
    let decision = domain::marketplace::moderation::flag::Decision::Strike;
    let deed = listings::judged(domain::audit::Action::Strike, &id);
    store.resolve_flags((&deed, &id), (decision, "Copied."), 3, now).await.unwrap();
    assert!(store.listing_page(&kept, now).await.is_err(), "its page is hidden at once");
    assert!(desk.found().await[0].contains(&kept));
    desk.later();
    assert_eq!(desk.sweep().await, 1);
    assert!(!desk.is_found(&kept).await);
    assert_eq!(desk.sweep().await, 0);
}

/// The same rule applies to bans: a change of the suspension updates the listings.
#[tokio::test]
async fn listings_follow_a_ban_and_its_end() {
    let desk = StaffApp::open();
    let id = desk.on_sale(&lena(), "Rembrandt").await;
    let (store, now) = (&desk.app.store, desk.app.now());
    assert_eq!(store.sync_visibility(&lena().id, now).await.unwrap(), 0);
    let until = now.plus(DAY);
    desk.app.suspend(&lena().id, "Spam.", Some(until)).await;
    for moved in [1, 0] {
        assert_eq!(store.sync_visibility(&lena().id, now).await.unwrap(), moved);
    }
    assert!(!desk.is_found(&id).await);
    desk.pass(DAY);
    for moved in [1, 0] {
        assert_eq!(store.sync_visibility(&lena().id, desk.app.now()).await.unwrap(), moved);
    }
    assert!(desk.is_found(&id).await);
}

#[tokio::test]
async fn all_pages_together_hold_what_waits() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    let mut waiting = Vec::new();
    for nth in 0..5 {
        waiting.push(json!(desk.waiting(&lena(), &format!("Light {nth}")).await));
        desk.later();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let ask = TestRequest::by(&moderator).query("limit", 2);
        let ask = match &cursor {
            Some(cursor) => ask.query("cursor", cursor),
            None => ask,
        };
        let page = desk.pending(&ask).await.json();
        for item in page["items"].as_array().unwrap() {
            seen.push(item["listing_id"].clone());
            let id = ListingId::parse(item["listing_id"].as_str().unwrap()).unwrap();
            assert_eq!(desk.approve(&desk.shown(&moderator, &id).await).await.status(), 200);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, waiting);
}

#[tokio::test]
async fn a_moderator_knows_the_creator() {
    let (desk, moderator) = (StaffApp::open(), Actor::moderator());
    desk.strike(&lena(), 1).await;
    let back = desk.waiting(&lena(), "Too dark").await;
    let ask = desk.sent_back(&moderator, &back, "Too dark.").await;
    assert_eq!(desk.reject(&ask).await.status(), 200);
    desk.waiting(&lena(), "Another").await;
    let page = desk.pending(&TestRequest::by(&moderator)).await.json();
    expect![[r#"
        {
          "approved": 1,
          "delisted": 1,
          "display_name": null,
          "id": "user_lena",
          "live_strikes": 1,
          "member_since": "2026-11-22T09:00:00.000Z",
          "rejected": 1,
          "sales": 0,
          "selling_suspended_until": null
        }"#]]
    .assert_eq(&format!("{:#}", page["items"][0]["creator"]));
}
