//! From a submission to a version that a moderator sees; pictures and files of a draft.

use super::{listings::Revised, *};
use crate::marketplace::listing::{
    DraftState,
    revision::{Edit, FilesEdit},
};

#[test]
fn a_submission_is_prepared_once_and_shown_to_a_moderator_when_it_is_whole() {
    let check = |before: &[&str], action: &str, expected: &str| {
        let mut revised = Revised::begun();
        before.iter().for_each(|action| revised.act(action).unwrap());
        let found = revised.act(action).map(|()| revised.shown());
        let found = found.unwrap_or_else(|refused| refused.code().to_owned());
        assert_eq!(found, expected, "{before:?}, {action}");
    };
    check(&[], "send", "preparing: 1 preparing");
    check(&[], "prepare", "not_preparing");
    check(&[], "fail", "not_preparing");
    for refused in ["approve", "reject"] {
        check(&["send"], refused, "not_pending");
    }
    check(&["send"], "send", "listing_in_review");
    check(&["send"], "prepare", "pending: 1 pending");
    check(&["send", "prepare"], "prepare", "not_preparing");
    check(&["send", "prepare"], "fail", "not_preparing");
    check(&["send"], "fail", "preparation_failed: 1 preparation_failed");
    check(&["send", "fail"], "prepare", "not_preparing");
    check(&["send", "fail"], "send again", "preparing: 1 preparing");
    // Nobody has seen it: an edit changes the same version.
    check(&["send"], "edit", "draft: 1 draft");
    check(&["send", "fail"], "edit", "draft: 1 draft");
    check(&["send", "edit"], "prepare", "not_preparing");
    // A preparation that never ended is begun again, and a late end of the first is ignored.
    check(&["send"], "send again", "preparing: 1 preparing");
    check(&["send", "send again"], "prepare", "not_preparing");
    check(&["send", "send again"], "prepare again", "pending: 1 pending");
    let next = ["submit", "approve", "edit", "send"];
    check(&next, "prepare", "approved: 1 on sale, 2 pending");
    check(&next, "edit", "approved: 1 on sale, 2 draft");
    check(&next, "retire", "delisted: 1 retired, 2 draft");
    check(&next, "delist", "preparing: 1 delisted, 2 preparing");
    // What was on sale is submitted again unchanged.
    let again = ["submit", "approve", "retire", "send"];
    check(&again, "prepare", "pending: 1 retired, 1 pending");
    check(&again, "edit", "delisted: 1 retired, 2 draft");
    check(&again, "fail", "preparation_failed: 1 retired, 1 preparation_failed");
}

#[test]
fn a_picture_is_drawn_where_there_is_none_and_says_why_not() {
    let mut revised = Revised::begun();
    revised.revisions.get_mut(&1).unwrap().previews.clear();
    let mut failed = revised.clone();
    revised.act("submit").unwrap();
    assert_eq!(revised.revisions[&1].previews[0].upload_id, picture(1));
    failed.act("send").unwrap();
    failed.act("fail").unwrap();
    assert!(failed.revisions[&1].previews.is_empty());
    let Some(DraftState::PreparationFailed { code, reason, .. }) =
        failed.listing.draft.map(|draft| draft.state)
    else {
        panic!("a failure")
    };
    let expected = ("no_preview", "Upload at least one preview first.");
    assert_eq!((code.as_str(), reason.as_str()), expected);
}

#[test]
fn pictures_and_files_are_removed_and_ordered() {
    let ids = |numbers: &[u128]| numbers.iter().map(|it| preview(*it).upload_id).collect();
    let check = |remove: &[u128], order: &[u128], expected: Result<&[u128], &str>| {
        let mut revised = Revised::after("submit approve");
        let mut newest = revised.revisions[&1].clone();
        newest.previews = [1, 2, 3].map(preview).to_vec();
        let files = FilesEdit { remove: ids(remove), preview_order: ids(order) };
        let edited = revised.listing.edit(newest, Edit { files, ..Edit::default() }, NOW);
        let left = edited.as_ref().map(|it| it.previews.clone());
        let expected: Result<Vec<_>, _> =
            expected.map(|it| it.iter().map(|n| preview(*n)).collect());
        assert_eq!(
            left.map_err(|fields| found::<()>(Err(fields.clone()))),
            expected.map_err(str::to_owned)
        );
    };
    check(&[], &[], Ok(&[1, 2, 3]));
    check(&[2], &[], Ok(&[1, 3]));
    check(&[2, 9], &[], Ok(&[1, 3]));
    check(&[1, 2, 3], &[], Ok(&[]));
    check(&[], &[3, 1, 2], Ok(&[3, 1, 2]));
    // One that arrived meanwhile is not lost.
    check(&[], &[2, 1], Ok(&[2, 1, 3]));
    check(&[1], &[3, 2], Ok(&[3, 2]));
    check(&[], &[4], Err("/preview_order/0 unknown_preview"));
    check(&[], &[1, 1], Err("/preview_order/1 twice"));
    check(&[1], &[2, 1], Err("/preview_order/1 unknown_preview"));
}

#[test]
fn a_picture_we_drew_goes_with_what_it_shows() {
    let mut light = description(Kind::LightingPreset).content;
    light.lighting.as_mut().unwrap().lights[0].intensity += 1.0;
    for (edit, left) in [
        (Edit { title: Some("Another name".to_owned()), ..Edit::default() }, vec![1, 2]),
        (Edit { category: Some(Category::Food), ..Edit::default() }, vec![1]),
        (Edit { content: Some(light), ..Edit::default() }, vec![1]),
    ] {
        let mut revised = Revised::after("submit approve");
        let mut newest = revised.revisions[&1].clone();
        newest.previews = vec![preview(1), Preview { drawn: true, ..preview(2) }];
        let edited = revised.listing.edit(newest, edit, day(1)).unwrap();
        let left: Vec<_> = left.into_iter().map(|number| preview(number).upload_id).collect();
        let there: Vec<_> = edited.previews.into_iter().map(|it| it.upload_id).collect();
        assert_eq!(there, left);
    }
}

#[test]
fn a_new_version_begins_where_the_last_one_was() {
    let mut revised = Revised::after("submit approve");
    let edit = Edit { price: Some(0), ..Edit::default() };
    let begun = revised.listing.edit(revised.revisions[&1].clone(), edit, day(1)).unwrap();
    let before = &revised.revisions[&1];
    assert_eq!((begun.number, begun.description.price), (2, 0));
    assert_eq!((begun.created_at, begun.published_at), (day(1), None));
    assert_eq!((&begun.previews, &begun.signature), (&before.previews, &None));
}
