//! Reviews, and their effect on the totals.

use super::*;
use crate::{
    id::ReviewId,
    marketplace::{
        community::review::{
            COMMENT_CHARS_MAX, Opinion, REPLY_CHARS_MAX, Review, ReviewError, checked_reply,
        },
        creator::balance::CreatorBalance,
        purchase::entitlement::EntitlementState,
    },
};

/// A buyer, their review, and the totals.
struct Buyer {
    owned: Entitlement,
    review: Option<Review>,
    stats: ListingStats,
}

impl Buyer {
    fn new() -> Buyer {
        Buyer { owned: entitled(&on_sale(500)), review: None, stats: no_stats() }
    }

    /// Writes a review with these stars, `days` days from now.
    fn say(&mut self, rating: u8, days: u32) -> Result<(), ReviewError> {
        let opinion = Opinion { rating, comment: Some(format!("{rating} stars")) };
        let id = ReviewId::new(day(days), u128::from(days));
        let said = (Some("Bo".to_owned()), opinion);
        let before = self.review.clone();
        let owned = Some(&mut self.owned);
        let review = Review::write(id, owned, before, said, &mut self.stats, day(days))?;
        self.review = Some(review);
        Ok(())
    }
}

#[test]
fn an_opinion_is_one_to_five_stars_and_words_that_are_seen() {
    let check = |rating: u8, comment: Option<&str>, expected: &str| {
        let opinion = Opinion { rating, comment: comment.map(str::to_owned) };
        assert_eq!(found(opinion.validate()), expected, "{rating} {comment:?}");
    };
    check(0, None, "/rating out_of_range");
    check(1, None, "");
    check(5, None, "");
    check(6, None, "/rating out_of_range");
    check(255, None, "/rating out_of_range");
    check(5, Some("Lovely.\nReally ❤\u{fe0f}"), "");
    check(5, Some(""), "/comment invisible_text");
    check(5, Some("\u{2800}"), "/comment invisible_text");
    check(5, Some("a\u{202e}b"), "/comment invisible_text");
    check(5, Some(&"椅".repeat(COMMENT_CHARS_MAX)), "");
    check(5, Some(&"x".repeat(COMMENT_CHARS_MAX + 1)), "/comment too_long");
    check(0, Some(" "), "/rating out_of_range, /comment invisible_text");
}

#[test]
fn a_buyer_has_one_review_and_may_change_it() {
    let mut buyer = Buyer::new();
    buyer.say(5, 1).unwrap();
    let first = buyer.review.clone().unwrap();
    assert_eq!(buyer.stats.histogram, [0, 0, 0, 0, 1]);
    assert_eq!(buyer.owned.review_id, Some(first.id.clone()));

    buyer.say(2, 3).unwrap();
    let second = buyer.review.clone().unwrap();
    assert_eq!(buyer.stats.histogram, [0, 1, 0, 0, 0]);
    assert_eq!((&second.id, second.created_at), (&first.id, day(1)));
    assert_eq!((second.updated_at, second.comment.as_deref()), (day(3), Some("2 stars")));
    assert_eq!(buyer.owned.review_id, Some(first.id));
}

#[test]
fn only_who_may_use_it_reviews_it() {
    let check = |state: EntitlementState, expected: &str| {
        let mut buyer = Buyer::new();
        buyer.owned.state = state;
        assert_eq!(code(buyer.say(5, 1)), expected, "{state:?}");
        assert_eq!(buyer.stats.ratings(), u32::from(expected == "ok"));
    };
    check(EntitlementState::Active, "ok");
    check(EntitlementState::Suspended, "not_a_buyer");
    check(EntitlementState::Revoked, "not_a_buyer");

    let opinion = (None, Opinion { rating: 5, comment: None });
    let mut stats = no_stats();
    let written = Review::write(ReviewId::new(NOW, 1), None, None, opinion, &mut stats, NOW);
    assert_eq!(code(written), "not_a_buyer");
}

#[test]
fn a_withdrawn_review_does_not_count_until_it_is_restored_or_written_again() {
    let counted = |buyer: &mut Buyer, change: fn(&mut Review, &mut ListingStats)| {
        change(buyer.review.as_mut().unwrap(), &mut buyer.stats);
        buyer.stats.histogram
    };
    let mut buyer = Buyer::new();
    buyer.say(4, 1).unwrap();
    for _ in 0..2 {
        assert_eq!(counted(&mut buyer, Review::withdraw), [0; 5]);
    }
    for _ in 0..2 {
        assert_eq!(counted(&mut buyer, Review::restore), [0, 0, 0, 1, 0]);
    }
    assert_eq!(counted(&mut buyer, Review::withdraw), [0; 5]);
    buyer.say(1, 2).unwrap();
    assert_eq!(buyer.stats.histogram, [1, 0, 0, 0, 0]);
    assert!(!buyer.review.unwrap().withdrawn);
}

#[test]
fn a_creator_replies_once_and_an_edit_keeps_the_reply() {
    let mut buyer = Buyer::new();
    buyer.say(1, 1).unwrap();
    let review = buyer.review.as_mut().unwrap();
    assert_eq!(code(review.answer("Sorry.".to_owned(), day(2))), "ok");
    assert_eq!(code(review.answer("Not sorry.".to_owned(), day(3))), "already_replied");
    assert_eq!(code(review.answer("Sorry.".to_owned(), day(3))), "ok", "a repeat");
    buyer.say(5, 4).unwrap();
    let reply = buyer.review.unwrap().reply.unwrap();
    assert_eq!((&reply.text[..], reply.at), ("Sorry.", day(2)));
}

#[test]
fn a_reply_is_words_that_are_seen() {
    let check = |text: &str, expected: &str| {
        let said = checked_reply(text).unwrap_or_else(|refused| found::<()>(Err(refused)));
        assert_eq!(said, expected);
    };
    check("  Thank you. ", "Thank you.");
    check("", "/text invisible_text");
    check("a\u{200b}", "/text invisible_text");
    check("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\u{200d}🔥");
    check(&"x".repeat(REPLY_CHARS_MAX + 1), "/text too_long");
}

#[test]
fn a_creators_sums_follow() {
    let mut book = CreatorBalance::new(user("creator"));
    let mut buyer = Buyer::new();
    let mut check = |change: &dyn Fn(&mut Buyer), ratings: u64, stars: u64| {
        let before = buyer.stats.clone();
        change(&mut buyer);
        book.follow_ratings(&before, &buyer.stats);
        assert_eq!((book.ratings, book.stars), (ratings, stars));
    };
    check(&|buyer| buyer.say(5, 1).unwrap(), 1, 5);
    check(&|buyer| buyer.say(2, 2).unwrap(), 1, 2);
    check(&|buyer| buyer.review.as_mut().unwrap().withdraw(&mut buyer.stats), 0, 0);
    check(&|buyer| buyer.review.as_mut().unwrap().restore(&mut buyer.stats), 1, 2);
}
