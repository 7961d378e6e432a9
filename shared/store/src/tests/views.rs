//! Views: tallies that wait, pages of them, and what a run adds.

use std::{collections::BTreeSet, ops::Range};

use domain::{
    id::ListingId,
    marketplace::{
        community::{listing_stats::ListingStats, visitor::VISITORS_A_MINUTE},
        creator::balance::CreatorBalance,
    },
};
use serde_json::{Value, json};

use super::*;
use crate::WaitingViews;

const MINUTE: Duration = Duration::from_secs(60);
/// No limit of a page is met.
const WHOLE: (i32, usize) = (50, 1_000_000);
/// Each page has one tally.
const SINGLE: (i32, usize) = (1, 1);

fn listing(nth: u128) -> ListingId {
    ListingId::new(NOW, nth)
}

fn creator(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

impl TestApp {
    /// Listings of a creator, without views.
    async fn listings(&self, name: &str, numbers: Range<u128>) {
        let creator = creator(name);
        let book = CreatorBalance::new(creator.clone());
        let writes = Transaction::default().put_versioned(None, &book).unwrap();
        self.store.commit(writes).await.unwrap();
        for nth in numbers {
            let stats = ListingStats::new(listing(nth), creator.clone());
            let writes = Transaction::default().put_versioned(None, &stats).unwrap();
            self.store.commit(writes).await.unwrap();
        }
    }

    /// Writes the tally of a process: so many visitors of each listing.
    async fn tally(&self, at: Timestamp, seen: &[(u128, Range<u32>)]) {
        let came = |(nth, came): &(u128, Range<u32>)| {
            (listing(*nth), came.clone().collect::<BTreeSet<u32>>())
        };
        self.store.note_views(seen.iter().map(came).collect(), at).await.unwrap();
    }

    async fn read(&self, now: Timestamp, after: Option<&str>, page: (i32, usize)) -> WaitingViews {
        self.store.waiting_page(now, after, page).await.unwrap()
    }

    /// Adds a page. Returns how many visitors count.
    async fn add(&self, waiting: &mut WaitingViews) -> u64 {
        let mut views = 0;
        while !waiting.is_added() {
            let added = self.store.add_views(waiting).await.unwrap();
            assert!(added.failed.is_empty(), "{:?}", added.failed);
            views += added.views;
        }
        views
    }

    /// Adds all pages, as a run does. Returns how many visitors count.
    async fn run(&self, now: Timestamp, page: (i32, usize)) -> u64 {
        let mut views = 0;
        let mut after: Option<String> = None;
        loop {
            let mut waiting = self.read(now, after.as_deref(), page).await;
            views += self.add(&mut waiting).await;
            after = self.store.remove_views(waiting, now).await.unwrap();
            if after.is_none() {
                return views;
            }
        }
    }

    async fn views(&self, nth: u128) -> u64 {
        self.store.stats(&listing(nth)).await.unwrap().unwrap().views
    }

    async fn book(&self, name: &str) -> CreatorBalance {
        self.store.creator_book(&creator(name)).await.unwrap()
    }

    fn tallies(&self) -> Vec<Value> {
        let mut items = self.engine.dump();
        items.retain(|item| item["pk"]["S"] == "VIEWS");
        items
    }

    fn put(&self, item: &Value) {
        let put = json!({ "TableName": TABLE, "Item": item });
        self.engine.run("PutItem", &put.to_string()).unwrap();
    }
}

#[tokio::test]
async fn the_tallies_of_a_page_are_merged_by_listing_and_creator() {
    let app = TestApp::new();
    app.listings("kim", 0..2).await;
    app.listings("lena", 2..3).await;
    for second in 0..6 {
        let from = second * 5;
        let seen = [(0, from..from + 5), (1, 0..3), (2, 0..1)];
        app.tally(NOW.plus(SECOND * second * 10), &seen).await;
    }
    app.engine.take_usage();
    let now = NOW.plus(MINUTE * 3);
    assert_eq!(app.run(now, WHOLE).await, 34);
    let usage = app.engine.take_usage();
    assert_eq!(usage.requests.get("TransactWriteItems"), Some(&1), "{usage:?}");
    assert_eq!([app.views(0).await, app.views(1).await, app.views(2).await], [30, 3, 1]);
    let (kim, lena) = (app.book("kim").await, app.book("lena").await);
    assert_eq!((kim.views, kim.version, lena.views, lena.version), (33, 2, 1, 2));
    assert_eq!(kim.days[&NOW.date()].views, 33);
    assert_eq!(app.tallies(), Vec::<Value>::new());
    assert_eq!(app.run(now, WHOLE).await, 0);
}

/// More listings than a transaction holds, in pages of one tally.
#[tokio::test]
async fn a_run_goes_through_all_pages_and_all_listings() {
    let app = TestApp::new();
    app.listings("kim", 0..70).await;
    for second in 0..3 {
        let seen: Vec<(u128, Range<u32>)> = (0..70).map(|nth| (nth, second..second + 2)).collect();
        app.tally(NOW.plus(SECOND * second), &seen).await;
    }
    let now = NOW.plus(MINUTE * 3);
    app.engine.take_usage();
    assert_eq!(app.run(now, SINGLE).await, 70 * 4);
    let usage = app.engine.take_usage();
    assert_eq!(usage.requests.get("TransactWriteItems"), Some(&9), "three a page");
    for nth in 0..70 {
        assert_eq!(app.views(nth).await, 4, "{nth}");
    }
    assert_eq!(app.book("kim").await.views, 70 * 4);
    assert!(app.tallies().is_empty());
}

/// Two runs beside each other, whose pages begin alike and end differently.
#[tokio::test]
async fn a_page_that_is_added_twice_counts_once() {
    let app = TestApp::new();
    app.listings("kim", 0..2).await;
    app.tally(NOW, &[(0, 0..5), (1, 0..5)]).await;
    app.tally(NOW.plus(SECOND), &[(0, 3..8)]).await;
    let now = NOW.plus(MINUTE * 2);
    let mut short = app.read(now, None, SINGLE).await;
    let mut same = app.read(now, None, SINGLE).await;
    let mut long = app.read(now, None, WHOLE).await;
    assert_eq!(app.add(&mut short).await, 10);
    assert_eq!(app.add(&mut long).await, 3, "of the second tally");
    assert_eq!(app.add(&mut same).await, 0);
    app.store.remove_views(long, now).await.unwrap();
    app.store.remove_views(short, now).await.unwrap();
    app.store.remove_views(same, now).await.unwrap();
    assert_eq!((app.views(0).await, app.views(1).await), (8, 5));
    assert_eq!(app.book("kim").await.views, 13);
    assert!(app.tallies().is_empty());
}

#[tokio::test]
async fn a_run_that_ends_after_any_transaction_is_continued() {
    for added in 0..=3 {
        let app = TestApp::new();
        app.listings("kim", 0..70).await;
        let seen: Vec<(u128, Range<u32>)> = (0..70).map(|nth| (nth, 0..2)).collect();
        app.tally(NOW, &seen).await;
        let now = NOW.plus(MINUTE * 2);
        let mut waiting = app.read(now, None, WHOLE).await;
        for _ in 0..added {
            app.store.add_views(&mut waiting).await.unwrap();
        }
        drop(waiting);
        // A day later, when the visitors of the listing begin anew.
        app.run(now.plus(DAY), WHOLE).await;
        assert_eq!(app.book("kim").await.views, 140, "{added}");
        assert!(app.tallies().is_empty());
    }
}

/// A tally may still be on its way, so that none is counted before it is a minute old.
#[tokio::test]
async fn a_tally_waits_until_no_earlier_one_can_arrive() {
    let app = TestApp::new();
    app.listings("kim", 0..1).await;
    app.tally(NOW.plus(SECOND), &[(0, 0..5)]).await;
    assert_eq!(app.run(NOW.plus(MINUTE), WHOLE).await, 0);
    assert_eq!(app.tallies().len(), 1);
    app.tally(NOW, &[(0, 5..8)]).await;
    assert_eq!(app.run(NOW.plus(MINUTE).plus(SECOND * 2), WHOLE).await, 8);
    assert!(app.tallies().is_empty());
}

#[tokio::test]
async fn views_before_midnight_are_of_that_day() {
    let app = TestApp::new();
    app.listings("kim", 0..1).await;
    let midnight = NOW.floor_to(DAY).plus(DAY);
    let (before, after) = (midnight.minus(SECOND), midnight.plus(SECOND));
    app.tally(before, &[(0, 0..5)]).await;
    app.tally(after, &[(0, 0..3)]).await;
    assert_eq!(app.run(midnight.plus(MINUTE * 5), WHOLE).await, 8);
    let days = app.book("kim").await.days;
    assert_eq!((days[&before.date()].views, days[&after.date()].views), (5, 3));
    assert_eq!(app.views(0).await, 8);
}

/// Of a listing whose balance is damaged, the views wait; those of others do not.
#[tokio::test]
async fn views_that_cannot_be_added_are_put_aside() {
    let app = TestApp::new();
    app.listings("kim", 0..2).await;
    app.listings("lena", 2..3).await;
    let of_kim = json!({ "pk": { "S": "USER#kim" }, "sk": { "S": "CREATOR" } });
    let is_of_kim = |item: &Value| item["pk"] == of_kim["pk"] && item["sk"] == of_kim["sk"];
    let whole = app.engine.dump().into_iter().find(is_of_kim).unwrap();
    app.put(&of_kim);
    app.tally(NOW, &[(0, 0..5), (1, 0..3), (2, 0..2)]).await;
    app.tally(NOW.plus(SECOND), &[(0, 4..7)]).await;
    let now = NOW.plus(MINUTE * 2);
    let mut waiting = app.read(now, None, WHOLE).await;
    let added = app.store.add_views(&mut waiting).await.unwrap();
    let failed: Vec<ListingId> = added.failed.into_iter().map(|(listing, _)| listing).collect();
    assert_eq!((added.views, failed), (2, vec![listing(0), listing(1)]));
    assert!(waiting.is_added());
    app.store.remove_views(waiting, now).await.unwrap();
    assert_eq!([app.views(0).await, app.views(1).await, app.views(2).await], [0, 0, 2]);
    assert_eq!(app.tallies().len(), 2, "one for each listing");
    assert_eq!(app.run(now, WHOLE).await, 0, "they are not read again in the same run");

    app.put(&whole);
    assert_eq!(app.run(now.plus(DAY), WHOLE).await, 10);
    assert_eq!([app.views(0).await, app.views(1).await, app.views(2).await], [7, 3, 2]);
    assert_eq!(app.book("kim").await.days[&NOW.date()].views, 10);
    assert!(app.tallies().is_empty());
}

/// So many of a minute count, also of what waited.
#[tokio::test]
async fn all_that_was_put_aside_counts_later() {
    let app = TestApp::new();
    app.listings("kim", 0..1).await;
    let of_kim = json!({ "pk": { "S": "USER#kim" }, "sk": { "S": "CREATOR" } });
    let is_of_kim = |item: &Value| item["pk"] == of_kim["pk"] && item["sk"] == of_kim["sk"];
    let whole = app.engine.dump().into_iter().find(is_of_kim).unwrap();
    app.put(&of_kim);
    for minute in 0..10 {
        let from = minute * 50;
        app.tally(NOW.plus(MINUTE * minute), &[(0, from..from + 50)]).await;
    }
    let now = NOW.plus(MINUTE * 12);
    let mut waiting = app.read(now, None, WHOLE).await;
    assert_eq!(app.store.add_views(&mut waiting).await.unwrap().failed.len(), 1);
    app.store.remove_views(waiting, now).await.unwrap();
    app.put(&whole);
    assert_eq!(app.run(now.plus(MINUTE * 10), WHOLE).await, 500);
    assert_eq!(app.views(0).await, 500);
}

#[tokio::test]
async fn tallies_of_earlier_builds_are_counted() {
    let app = TestApp::new();
    app.listings("kim", 0..1).await;
    let tally = |sk: &str, mut rest: Value| {
        rest["pk"] = json!({ "S": "VIEWS" });
        rest["sk"] = json!({ "S": sk });
        rest["expires_at"] = json!({ "N": NOW.plus(DAY).as_secs().to_string() });
        app.put(&rest);
    };
    let of_listing = |value: Value| {
        let entry = serde_json::Map::from_iter([(listing(0).to_string(), value)]);
        json!({ "M": entry })
    };
    let views = of_listing(json!({ "N": "1000" }));
    tally(&format!("{NOW}#00"), json!({ "views": views }));
    let visitors = of_listing(json!({ "L": [{ "N": "70" }, { "N": "71" }] }));
    tally(&format!("{}#00", NOW.plus(MINUTE)), json!({ "visitors": visitors }));
    let mut waiting = app.read(NOW.plus(MINUTE * 5), None, WHOLE).await;
    let limit = u64::from(VISITORS_A_MINUTE);
    assert_eq!(app.add(&mut waiting).await, limit + 2);
    drop(waiting);
    // They have no time of their own but that of their key, whenever they are read.
    assert_eq!(app.run(NOW.plus(MINUTE * 50), WHOLE).await, 0);
    assert_eq!(app.views(0).await, limit + 2);
}

#[tokio::test]
async fn what_nobody_can_count_is_passed_over_or_removed() {
    let app = TestApp::new();
    app.listings("kim", 0..1).await;
    let damaged = json!({ "pk": { "S": "VIEWS" }, "sk": { "S": "2020-01-01T00:00:00.000Z#0" } });
    app.put(&damaged);
    app.tally(NOW.minus(DAY * 3), &[(0, 0..5)]).await;
    app.tally(NOW, &[(0, 0..5), (99, 0..5)]).await;
    let waiting = app.read(NOW.plus(MINUTE * 2), None, WHOLE).await;
    assert_eq!(waiting.unreadable, ["VIEWS 2020-01-01T00:00:00.000Z#0"]);
    let views = app.run(NOW.plus(MINUTE * 2), SINGLE).await;
    assert_eq!(views, 5, "neither those that are too old, nor those of a deleted draft");
    assert_eq!(app.tallies(), [damaged]);
}
