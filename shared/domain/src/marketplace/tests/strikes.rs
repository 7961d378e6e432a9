//! Strikes, and who may sell.

use super::*;
use crate::marketplace::{
    creator::balance::{CreatorBalance, ModerationCounts},
    listing::DelistedBy,
    moderation::strike::{STRIKES_KEPT, Strike, Strikes},
};

fn struck(days: &[u32]) -> Strikes {
    let mut all = Strikes::none(user("creator"));
    for (nth, at) in (1..).zip(days) {
        let (reason, by) = ("Copied.".to_owned(), user("moderator"));
        all.add(Strike { listing_id: listing_id(nth), reason, at: day(*at), by });
    }
    all
}

#[test]
fn three_that_count_suspend_selling() {
    let check = |days: &[u32], now: u32, live: usize, until: Option<u32>| {
        let all = struck(days);
        let found = (all.live(day(now)).count(), all.suspend_until(day(now)));
        assert_eq!(found, (live, until.map(day)), "{days:?} on day {now}");
    };
    check(&[], 0, 0, None);
    check(&[0], 0, 1, None);
    check(&[0, 1], 1, 2, None);
    check(&[0, 1, 2], 2, 3, Some(90));
    check(&[0, 0, 0], 0, 3, Some(90));
    // Each counts for ninety days; the last one has expired.
    check(&[0, 1, 2], 89, 3, Some(90));
    check(&[0, 1, 2], 90, 2, None);
    check(&[0, 1, 90], 90, 2, None);
    check(&[0, 1, 2], 92, 0, None);
    // Of four, the second has to expire.
    check(&[0, 1, 2, 50], 60, 4, Some(91));
    check(&[0, 1, 2, 50], 90, 3, Some(91));
    check(&[0, 1, 2, 50], 91, 2, None);
}

#[test]
fn listings_are_due_when_it_begins_and_when_it_ends() {
    assert_eq!(struck(&[0, 1]).due_at, None);
    let mut all = struck(&[0, 1, 2]);
    assert_eq!(all.due_at, Some(day(2)));
    all.followed(day(2));
    assert_eq!(all.due_at, Some(day(90)));
    all.followed(day(90));
    assert_eq!(all.due_at, None);
}

#[test]
fn old_strikes_give_way() {
    let days: Vec<u32> = (0..60).collect();
    let all = struck(&days);
    assert_eq!((all.strikes.len(), all.strikes[0].at), (STRIKES_KEPT, day(10)));
}

#[test]
fn what_moderators_made_of_listings_is_counted() {
    let (mut book, mut listing) = (CreatorBalance::new(user("creator")), on_sale(500));
    let mut judge = |change: &dyn Fn(&mut Listing)| {
        let before = listing.clone();
        change(&mut listing);
        book.count_judgement(&before, &listing);
        let ModerationCounts { approved, rejected, delisted } = book.judged;
        [approved, rejected, delisted]
    };
    assert_eq!(judge(&|_| {}), [0, 0, 0]);
    assert_eq!(judge(&|it| it.delist(DelistedBy::Creator, None, NOW).unwrap()), [0, 0, 0]);
    assert_eq!(judge(&|it| it.delist(DelistedBy::Staff, None, NOW).unwrap()), [0, 0, 1]);
    assert_eq!(judge(&|it| it.delist(DelistedBy::Staff, None, day(1)).unwrap()), [0, 0, 1]);
    assert_eq!(judge(&|it| it.published.as_mut().unwrap().published_at = day(2)), [1, 0, 1]);
}
