//! Reports of a listing.

use super::*;
use crate::id::{ReviewId, UploadId};
use crate::marketplace::moderation::flag::{
    DISMISSED_MAX, Decision, FLAGS_MAX, Flag, FlagReason, FlagSubject, Flags, checked_text,
};

fn flagged(flags: &[(&str, FlagReason)]) -> Flags {
    let mut all = Flags::none(FlagSubject::listing(&listing_id(1)));
    for ((name, reason), days) in flags.iter().zip(0..) {
        all.add(Flag { user_id: user(name), reason: *reason, text: None, at: day(days) }, 1);
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
    let mut all = Flags::none(FlagSubject::listing(&listing_id(1)));
    for nth in 0..1_000 {
        let user_id = user(&format!("user_{nth}"));
        all.add(Flag { user_id, reason: FlagReason::Spam, text: None, at: NOW }, 1);
    }
    assert_eq!(all.flags.len(), FLAGS_MAX);
}

#[test]
fn what_was_dismissed_counts_again_for_the_next_version() {
    let all = || {
        let mut all = flagged(&["a", "b", "c"].map(|name| (name, FlagReason::Spam)));
        all.dismiss(1);
        all
    };
    let check = |flags: &[(&str, u32)], count: usize| {
        let mut all = all();
        for (name, number) in flags {
            let flag =
                Flag { user_id: user(name), reason: FlagReason::Copied, text: None, at: day(9) };
            all.add(flag, *number);
        }
        let due = (count >= 3).then(|| day(9));
        assert_eq!((all.flags.len(), all.due_since), (count, due), "{flags:?}");
    };
    check(&[], 0);
    check(&[("a", 1), ("b", 1), ("c", 1)], 0);
    check(&[("a", 1), ("d", 1)], 1);
    check(&[("d", 1), ("e", 1), ("f", 1)], 3);
    check(&[("a", 2), ("b", 2), ("c", 2)], 3);
    check(&[("d", 2), ("a", 2)], 2);
}

#[test]
fn those_who_are_dismissed_are_not_kept_without_end() {
    let mut all = Flags::none(FlagSubject::listing(&listing_id(1)));
    for nth in 0..DISMISSED_MAX + 2 {
        let user_id = user(&format!("user_{nth}"));
        all.add(Flag { user_id, reason: FlagReason::Spam, text: None, at: NOW }, 1);
        all.dismiss(1);
    }
    let members = &all.dismissed.as_ref().unwrap().members;
    assert_eq!((members.len(), &members[0]), (DISMISSED_MAX, &user("user_2")));
}

#[test]
fn a_moderator_decides_on_what_they_saw() {
    let mut all = flagged(&[("a", FlagReason::Spam), ("b", FlagReason::Copied)]);
    all.version = 2;
    assert_eq!(code(all.check_seen(2)), "ok");
    assert_eq!(code(all.check_seen(1)), "flags_changed");
    let counts = all.by_reason();
    assert_eq!(counts, [(FlagReason::Copied, 1), (FlagReason::Spam, 1)].into());
    all.clear();
    assert_eq!(code(all.check_seen(2)), "flags_resolved");
    assert_eq!(
        code(Flags::none(FlagSubject::listing(&listing_id(1))).check_seen(0)),
        "flags_resolved"
    );
}

#[test]
fn one_report_of_a_review_or_a_member_is_enough() {
    let (listing_id, user_id) = (listing_id(1), user("a"));
    let (review_id, image_id) = (ReviewId::new(NOW, 1), UploadId::new(NOW, 1));
    for subject in [
        FlagSubject::Image { listing_id: listing_id.clone(), image_id },
        FlagSubject::Review { listing_id: listing_id.clone(), review_id },
        FlagSubject::Member { member_id: user("oidc:b") },
    ] {
        assert_eq!(subject.to_string().parse(), Ok(subject.clone()));
        let mut flags = Flags::none(subject);
        let (reason, text) = (FlagReason::Abusive, checked_text(Some(" Rude. ")).unwrap());
        flags.add(Flag { user_id: user_id.clone(), reason, text, at: NOW }, 0);
        assert_eq!((flags.due_since, flags.flags[0].text.as_deref()), (Some(NOW), Some("Rude.")));
        assert_eq!(flags.check_decision(Decision::Uphold), Ok(()));
        assert!(flags.check_decision(Decision::Strike).is_err());
        let stored = serde_json::to_value(&flags).unwrap();
        assert_eq!(serde_json::from_value::<Flags>(stored).unwrap(), flags);
    }
    for text in ["lst_1", "image:lst_1", "review:x:y", "member:", "other:x"] {
        assert!(text.parse::<FlagSubject>().is_err(), "{text}");
    }
    assert!(checked_text(Some(&"x".repeat(501))).is_err());
}

#[test]
fn flags_from_before_other_subjects_are_of_a_listing() {
    let stored = serde_json::json!({
        "listing_id": listing_id(1), "version": 3,
        "flags": [{ "user_id": "a", "reason": "spam", "at": NOW }],
    });
    let flags: Flags = serde_json::from_value(stored).unwrap();
    assert_eq!((&flags.subject, flags.flags.len()), (&FlagSubject::listing(&listing_id(1)), 1));
}
