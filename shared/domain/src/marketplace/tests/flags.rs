//! Reports of a listing.

use super::*;
use crate::marketplace::flag::{FLAGS_MAX, Flag, FlagReason, Flags};

fn flagged(flags: &[(&str, FlagReason)]) -> Flags {
    let mut all = Flags::none(listing_id(1));
    for ((name, reason), days) in flags.iter().zip(0..) {
        all.add(Flag { user_id: user(name), reason: *reason, at: day(days) });
    }
    all
}

#[test]
fn three_members_bring_a_listing_before_a_moderator() {
    use FlagReason::{Broken, Copied, Spam};
    let check = |flags: &[(&str, FlagReason)], count: usize, due_since: Option<Timestamp>| {
        let all = flagged(flags);
        assert_eq!((all.flags.len(), all.due_since), (count, due_since), "{flags:?}");
    };
    check(&[], 0, None);
    check(&[("a", Spam)], 1, None);
    check(&[("a", Spam), ("a", Spam), ("a", Copied)], 1, None);
    check(&[("a", Spam), ("b", Spam)], 2, None);
    check(&[("a", Spam), ("b", Spam), ("a", Broken), ("b", Broken)], 2, None);
    check(&[("a", Spam), ("b", Copied), ("c", Broken)], 3, Some(day(2)));
    check(&[("a", Spam), ("a", Spam), ("b", Copied), ("c", Broken)], 3, Some(day(3)));
    check(&[("a", Spam), ("b", Spam), ("c", Spam), ("d", Spam), ("a", Broken)], 4, Some(day(2)));
}

#[test]
fn a_member_may_change_why() {
    let all = flagged(&[("a", FlagReason::Spam), ("a", FlagReason::Copied)]);
    let [flag] = &all.flags[..] else { panic!("one flag: {all:?}") };
    assert_eq!((flag.reason, flag.at), (FlagReason::Copied, NOW));
}

#[test]
fn a_crowd_is_not_counted_to_its_end() {
    let mut all = Flags::none(listing_id(1));
    for nth in 0..1_000 {
        let user_id = user(&format!("user_{nth}"));
        all.add(Flag { user_id, reason: FlagReason::Spam, at: NOW });
    }
    assert_eq!(all.flags.len(), FLAGS_MAX);
}
