//! The life of a listing: its transitions and who may make them.

use std::collections::BTreeMap;

use super::*;
use crate::marketplace::{
    listing::{
        DelistedBy, DraftState, HiddenReason, ListingError, REASON_CHARS_MAX, State,
        checked_reason,
        revision::Edit,
        upload::{Asset, UPLOADS_MAX},
    },
    moderation::flag::{Flag, FlagReason, FlagSubject, Flags},
};

const ACTIONS: [&str; 6] = ["edit", "submit", "approve", "reject", "retire", "delist"];

/// A listing with all its versions, as stored in the table.
#[derive(Clone)]
pub(super) struct Revised {
    pub(super) listing: Listing,
    pub(super) revisions: BTreeMap<u32, Revision>,
}

impl Revised {
    pub(super) fn begun() -> Revised {
        let (listing, revision) = begun(Kind::LightingPreset, 500);
        Revised { listing, revisions: BTreeMap::from([(1, revision)]) }
    }

    /// Runs actions separated by spaces, all of which must succeed.
    pub(super) fn after(actions: &str) -> Revised {
        let mut revised = Revised::begun();
        for action in actions.split_whitespace() {
            revised.act(action).unwrap();
        }
        revised
    }

    pub(super) fn act(&mut self, action: &str) -> Result<(), ListingError> {
        let listing = &mut self.listing;
        let newest = self.revisions.get_mut(&listing.newest()).unwrap();
        match action {
            "edit" => {
                let edit = Edit { price: Some(700), ..Edit::default() };
                let edited = listing.edit(newest.clone(), edit, NOW).unwrap();
                self.revisions.insert(edited.number, edited);
                Ok(())
            }
            "submit" => submitted(listing, newest),
            "send" => listing.submit(newest, &ModelClaim::default(), picture(1), NOW),
            "send again" => listing.submit(newest, &ModelClaim::default(), picture(2), day(1)),
            "prepare" => prepared(listing, newest, 1),
            "prepare again" => prepared(listing, newest, 2),
            "fail" => listing.fail_preparation(&picture(1), &ListingError::NoPreview, NOW),
            "approve" => listing.approve(newest, &mut ModelClaim::default(), NOW),
            "reject" => listing.reject(newest.number, "too dark".to_owned(), NOW),
            "retire" => listing.delist(DelistedBy::Creator, None, NOW),
            "delist" => listing.delist(DelistedBy::Staff, Some("copied".to_owned()), NOW),
            other => panic!("no action {other}"),
        }
    }

    /// The version on sale or formerly on sale, and the draft, such as `approved: 1 on sale, 2
    /// pending`.
    pub(super) fn shown(&self) -> String {
        let listing = &self.listing;
        let sold = listing.published.as_ref().map(|published| {
            let how = match listing.delisted.as_ref().map(|delisted| delisted.by) {
                None => "on sale",
                Some(DelistedBy::Creator) => "retired",
                Some(DelistedBy::Staff) => "delisted",
            };
            format!("{} {how}", published.number)
        });
        let draft = listing.draft.as_ref().map(|draft| {
            let how = match draft.state {
                DraftState::Draft => "draft",
                DraftState::Preparing { .. } => "preparing",
                DraftState::PreparationFailed { .. } => "preparation_failed",
                DraftState::Pending { .. } => "pending",
                DraftState::Rejected { .. } => "rejected",
            };
            format!("{} {how}", draft.number)
        });
        let parts: Vec<String> = sold.into_iter().chain(draft).collect();
        let state = match listing.state() {
            State::Draft => "draft",
            State::Preparing => "preparing",
            State::PreparationFailed => "preparation_failed",
            State::Pending => "pending",
            State::Approved => "approved",
            State::Rejected => "rejected",
            State::Delisted => "delisted",
        };
        format!("{state}: {}", parts.join(", "))
    }
}

/// After `before`, the listing is `shown`; `expected` is the result of each of [`ACTIONS`]: an
/// error's code, or how the listing is shown afterwards.
fn check(before: &str, shown: &str, expected: [&str; 6]) {
    let revised = Revised::after(before);
    assert_eq!(revised.shown(), shown, "{before}");
    for (action, expected) in ACTIONS.into_iter().zip(expected) {
        let mut moved = revised.clone();
        let found = match moved.act(action) {
            Ok(()) => moved.shown(),
            Err(refused) => {
                assert_eq!(moved.listing, revised.listing, "a refusal changes nothing");
                refused.code().to_owned()
            }
        };
        assert_eq!(found, expected, "{before:?}, {action}");
        for (number, sold) in revised.revisions.iter().filter(|(_, it)| it.published_at.is_some()) {
            assert_eq!(&moved.revisions[number], sold, "{before:?}, {action}: sold versions stay");
        }
    }
}

#[test]
fn a_listing_that_never_was_on_sale() {
    let shown = |number: u32| {
        ["draft", "pending", "rejected"].map(|state| format!("{state}: {number} {state}"))
    };
    let ([edit, submit, reject], [next_edit, next_submit, _]) = (shown(1), shown(2));
    let [no, none] = ["not_pending", "not_on_sale"];
    check("", &edit, [&edit, &submit, no, no, none, none]);
    // A submitted version never changes: an edit begins the next version.
    let approve = "approved: 1 on sale";
    check("submit", &submit, [&next_edit, "listing_in_review", approve, &reject, none, none]);
    check("submit reject", &reject, [&next_edit, &submit, no, no, none, none]);
    check("submit edit", &next_edit, [&next_edit, &next_submit, no, no, none, none]);
    check("submit reject edit", &next_edit, [&next_edit, &next_submit, no, no, none, none]);
}

#[test]
fn a_version_on_sale_stays_there_until_the_next_is_approved() {
    let no = "not_pending";
    check(
        "submit approve",
        "approved: 1 on sale",
        [
            "approved: 1 on sale, 2 draft",
            "no_draft",
            no,
            no,
            "delisted: 1 retired",
            "delisted: 1 delisted",
        ],
    );
    check(
        "submit approve edit",
        "approved: 1 on sale, 2 draft",
        [
            "approved: 1 on sale, 2 draft",
            "approved: 1 on sale, 2 pending",
            no,
            no,
            "delisted: 1 retired, 2 draft",
            "delisted: 1 delisted, 2 draft",
        ],
    );
    check(
        "submit approve edit submit",
        "approved: 1 on sale, 2 pending",
        [
            "approved: 1 on sale, 3 draft",
            "listing_in_review",
            "approved: 2 on sale",
            "approved: 1 on sale, 2 rejected",
            // Otherwise an approval would put a listing on sale that its creator retired.
            "delisted: 1 retired, 2 draft",
            "pending: 1 delisted, 2 pending",
        ],
    );
    check(
        "submit approve edit submit reject",
        "approved: 1 on sale, 2 rejected",
        [
            "approved: 1 on sale, 3 draft",
            "approved: 1 on sale, 2 pending",
            no,
            no,
            "rejected: 1 retired, 2 rejected",
            "rejected: 1 delisted, 2 rejected",
        ],
    );
}

#[test]
fn a_listing_off_sale_comes_back_by_a_moderator() {
    let no = "not_pending";
    let check_off = |by: &str, again: &str| {
        let path = |rest: &str| format!("submit approve {by} {rest}");
        let shown = |state: &str, rest: &str| format!("{state}: 1 {again}{rest}");
        let off = |rest: &str| shown("delisted", rest);
        let delisted = |state: &str, rest: &str| format!("{state}: 1 delisted{rest}");
        check(
            &path(""),
            &off(""),
            [
                &off(", 2 draft"),
                &shown("pending", ", 1 pending"),
                no,
                no,
                &off(""),
                &delisted("delisted", ""),
            ],
        );
        // Unchanged. It was on sale, so an edit begins the next version.
        check(
            &path("submit"),
            &shown("pending", ", 1 pending"),
            [
                &off(", 2 draft"),
                "listing_in_review",
                "approved: 1 on sale",
                &shown("rejected", ", 1 rejected"),
                &off(""),
                &delisted("pending", ", 1 pending"),
            ],
        );
        check(
            &path("submit reject"),
            &shown("rejected", ", 1 rejected"),
            [
                &off(", 2 draft"),
                &shown("pending", ", 1 pending"),
                no,
                no,
                &shown("rejected", ", 1 rejected"),
                &delisted("rejected", ", 1 rejected"),
            ],
        );
        // Or changed.
        check(
            &path("edit submit"),
            &shown("pending", ", 2 pending"),
            [
                &off(", 3 draft"),
                "listing_in_review",
                "approved: 2 on sale",
                &shown("rejected", ", 2 rejected"),
                &off(", 2 draft"),
                &delisted("pending", ", 2 pending"),
            ],
        );
    };
    check_off("retire", "retired");
    check_off("delist", "delisted");
    check_off("retire delist", "delisted");
    check_off("delist retire", "delisted");
}

#[test]
fn what_is_on_sale_is_what_was_approved() {
    let mut revised = Revised::after("submit approve edit submit");
    let on_sale = revised.listing.on_sale().unwrap().clone();
    assert_eq!((on_sale.number, on_sale.price.amount), (1, 500));
    let seen = revised.revisions.get_mut(&2).unwrap();
    revised.listing.approve(seen, &mut ModelClaim::default(), day(3)).unwrap();
    let on_sale = revised.listing.on_sale().unwrap();
    assert_eq!((on_sale.number, on_sale.price.amount), (2, 700));
    assert_eq!((on_sale.first_published_at, on_sale.published_at), (NOW, day(3)));
    assert_eq!(revised.revisions[&2].published_at, Some(day(3)));
}

#[test]
fn the_second_of_two_moderators_is_refused() {
    let decided = |first: &str, second: &str| {
        let mut revised = Revised::after("submit");
        revised.act(first).unwrap();
        code(revised.act(second))
    };
    for first in ["approve", "reject"] {
        for second in ["approve", "reject"] {
            assert_eq!(decided(first, second), "not_pending", "{first}, {second}");
        }
    }
}

#[test]
fn a_decision_is_on_the_version_that_waits() {
    // The creator withdraws version 2 while a moderator reviews it.
    let mut revised = Revised::after("submit approve edit submit edit");
    let mut seen = revised.revisions[&2].clone();
    assert_eq!(
        code(revised.listing.approve(&mut seen, &mut ModelClaim::default(), NOW)),
        "not_pending"
    );
    assert_eq!(code(revised.listing.reject(2, "dark".to_owned(), NOW)), "not_pending");
    revised.act("submit").unwrap();
    for other in [0, 1, 2, 4] {
        assert_eq!(code(revised.listing.reject(other, "dark".to_owned(), NOW)), "not_pending");
    }
    assert_eq!(code(revised.listing.reject(3, "dark".to_owned(), NOW)), "ok");
}

#[test]
fn an_edit_that_is_not_acceptable_changes_nothing() {
    let mut revised = Revised::after("submit approve");
    let before = revised.listing.clone();
    let edit = Edit { price: Some(1), ..Edit::default() };
    let newest = revised.revisions[&1].clone();
    assert_eq!(found(revised.listing.edit(newest, edit, NOW)), "/price/amount out_of_band");
    assert_eq!(revised.listing, before);
}

#[test]
fn only_what_is_described_as_it_should_be_is_begun() {
    let create = |change: &dyn Fn(&mut Description)| {
        let mut described = description(Kind::LightingPreset);
        change(&mut described);
        found(Listing::create(listing_id(1), user("creator"), Kind::LightingPreset, described, NOW))
    };
    assert_eq!(create(&|_| {}), "");
    assert_eq!(create(&|it| it.title.clear()), {
        "/title length, /title invisible_text, /title words"
    });
}

#[test]
fn a_listing_that_cannot_be_drawn_is_not_submitted_without_a_preview() {
    let (listing, revision) = begun(Kind::ModelFinetune, 10_000);
    let mut revised = Revised { listing, revisions: BTreeMap::from([(1, revision)]) };
    revised.revisions.get_mut(&1).unwrap().previews.clear();
    assert_eq!(code(revised.act("submit")), "no_preview");
    assert_eq!(revised.shown(), "draft: 1 draft");
}

#[test]
fn files_are_added_to_a_draft_and_not_without_end() {
    let check = |before: &str, expected: &str| {
        let mut listing = Revised::after(before).listing;
        let number = listing.editable();
        assert_eq!(code(listing.begin_upload(NOW)), expected, "{before}");
        assert_eq!(number.is_ok(), expected == "ok", "{before}");
    };
    check("", "ok");
    check("submit", "listing_in_review");
    check("submit reject", "ok");
    check("submit approve", "no_draft");
    check("submit approve edit", "ok");
    check("submit approve retire", "no_draft");
    // It is the version that was on sale.
    check("submit approve retire submit", "listing_in_review");
    check("submit approve retire submit reject", "no_draft");

    let mut listing = Revised::begun().listing;
    let counted = (0..200).filter(|_| listing.begin_upload(NOW).is_ok()).count();
    assert_eq!(counted, usize::try_from(UPLOADS_MAX).unwrap());
    assert_eq!(code(listing.begin_upload(NOW)), "too_many_uploads");
}

#[test]
fn why_others_do_not_see_it() {
    use HiddenReason::{
        CreatorSuspended, Delisted, InReview, NotSubmitted, PreparationFailed, Preparing, Rejected,
        Retired,
    };
    let check = |before: &str, creator: Seller, expected: &[HiddenReason]| {
        let listing = Revised::after(before).listing;
        let found: Vec<HiddenReason> =
            listing.hidden_by(&creator, NOW).into_iter().map(|it| it.code).collect();
        assert_eq!(found, expected, "{before} {creator:?}");
    };
    check("", active(), &[NotSubmitted]);
    check("send", active(), &[Preparing]);
    check("send fail", active(), &[PreparationFailed]);
    check("submit", active(), &[InReview]);
    check("submit reject", active(), &[Rejected]);
    check("submit approve", active(), &[]);
    check("submit approve edit", active(), &[NotSubmitted]);
    check("submit approve edit submit", active(), &[InReview]);
    check("submit approve retire", active(), &[Retired]);
    check("submit approve delist", active(), &[Delisted]);
    check("submit approve delist submit", active(), &[InReview, Delisted]);
    check("submit approve delist submit reject", active(), &[Rejected, Delisted]);

    check("submit approve", suspended(None).into(), &[CreatorSuspended]);
    check("submit approve", suspended(Some(day(1))).into(), &[CreatorSuspended]);
    check("submit approve", suspended(Some(NOW)).into(), &[]);
    check(
        "submit approve retire edit",
        suspended(None).into(),
        &[NotSubmitted, Retired, CreatorSuspended],
    );

    let said = |before: &str, creator: Seller| {
        let hidden = Revised::after(before).listing.hidden_by(&creator, NOW).remove(0);
        (hidden.reason.unwrap_or_default(), hidden.until)
    };
    assert_eq!(said("submit", active()), (String::new(), None));
    assert_eq!(said("submit reject", active()), ("too dark".to_owned(), None));
    assert_eq!(said("submit approve delist", active()), ("copied".to_owned(), None));
    let unseen = "Upload at least one preview first.";
    assert_eq!(said("send fail", active()), (unseen.to_owned(), None));
    let banned = suspended(Some(day(1))).into();
    assert_eq!(said("submit approve", banned), ("fraud".to_owned(), Some(day(1))));
    let struck = Seller { selling_suspended_until: Some(day(9)), ..active() };
    assert_eq!(said("submit approve", struck), (String::new(), Some(day(9))));
}

#[test]
fn a_moderator_says_why() {
    let check = |reason: &str, expected: Result<&str, &str>| {
        let said = checked_reason(reason).map_err(|refused| found::<()>(Err(refused)));
        assert_eq!(said.as_deref().map_err(String::as_str), expected);
    };
    check(" It is another's work. ", Ok("It is another's work."));
    check(&"x".repeat(REASON_CHARS_MAX), Ok(&"x".repeat(REASON_CHARS_MAX)));
    check(&"x".repeat(REASON_CHARS_MAX + 1), Err("/reason text"));
    check("", Err("/reason text"));
    check(" \u{200b}", Err("/reason text"));
}

#[test]
fn a_listing_survives_the_table() {
    for path in [
        "",
        "send",
        "send fail",
        "submit",
        "submit reject",
        "submit approve edit",
        "submit approve delist",
    ] {
        let listing = Revised::after(path).listing;
        let text = serde_json::to_string(&listing).unwrap();
        assert_eq!(serde_json::from_str::<Listing>(&text).unwrap(), listing, "{path}");
    }
}

#[test]
fn staff_do_not_decide_on_their_own_listings() {
    let (listing, _) = begun(Kind::LightingPreset, 500);
    let mut flags = Flags::none(FlagSubject::listing(&listing.id));
    flags.add(
        Flag { user_id: user("reporter"), reason: FlagReason::Copied, text: None, at: NOW },
        1,
    );
    let check = |staff: &str, expected: &str| {
        let checked = listing.check_impartial(&user(staff), Some(&flags), None);
        assert_eq!(code(checked), expected, "{staff}");
    };
    check("moderator", "ok");
    check("creator", "own_listing");
    check("reporter", "own_report");
}

/// A version may be pending twice under the same number: its content distinguishes the two.
#[test]
fn a_moderator_decides_on_what_they_were_shown() {
    let revised = Revised::after("submit");
    let shown = revised.revisions[&1].content_hash();
    let check = |actions: &str, change: fn(&mut Revision), expected: &str| {
        let mut revised = Revised::after(actions);
        let newest = revised.revisions.get_mut(&revised.listing.newest()).unwrap();
        change(newest);
        assert_eq!(code(revised.listing.check_shown(newest, &shown)), expected, "{actions}");
    };
    check("submit", |_| {}, "ok");
    check("submit reject submit", |_| {}, "ok");
    check("", |_| {}, "not_pending");
    check("submit edit", |_| {}, "not_pending");
    check("submit reject", |_| {}, "not_pending");
    check("submit approve", |_| {}, "not_pending");
    check("submit edit submit", |_| {}, "version_changed");
    check("submit approve edit submit", |_| {}, "version_changed");
    for change in [
        (|it| it.previews.push(preview(2))) as fn(&mut Revision),
        |it| it.previews.clear(),
        |it| it.description.title.push('!'),
        |it| it.description.price += 1,
        |it| it.description.content.lighting = None,
        |it| it.assets.push(asset(1)),
        |it| it.kind = Kind::FiboTemplate,
    ] {
        check("submit", change, "version_changed");
    }
    let hash = |change: fn(&mut Asset)| {
        let mut revision = revised.revisions[&1].clone();
        revision.assets.push(asset(1));
        change(&mut revision.assets[0]);
        revision.content_hash()
    };
    assert_ne!(hash(|_| {}), hash(|it| it.sha256 = "1".repeat(64)), "other bytes of a file");
    assert_ne!(hash(|_| {}), hash(|it| it.file_name.push('x')));
}

fn asset(number: u128) -> Asset {
    Asset {
        upload_id: UploadId::new(NOW, number),
        file_name: "a.zip".to_owned(),
        bytes: 1,
        sha256: "0".repeat(64),
        kind: None,
        files: Vec::new(),
    }
}
