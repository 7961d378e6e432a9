//! What a creator may enter for a version.

use super::*;
use crate::marketplace::listing::revision::Edit;

fn check(change: impl FnOnce(&mut Description), expected: &str) {
    let mut description = description(Kind::LightingPreset);
    change(&mut description);
    assert_eq!(found(description.checked(Kind::LightingPreset)), expected);
}

#[test]
fn a_price_is_in_the_band_of_its_kind_or_nothing() {
    let check = |kind: Kind, min: u32, max: u32| {
        for (price, expected) in [
            (0, ""),
            (1, "/price/amount out_of_band"),
            (min - 1, "/price/amount out_of_band"),
            (min, ""),
            (min + 1, ""),
            (max, ""),
            (max + 1, "/price/amount out_of_band"),
            (u32::MAX, "/price/amount out_of_band"),
        ] {
            let description = Description { price, ..description(kind) };
            assert_eq!(found(description.checked(kind)), expected, "{kind:?} {price}");
        }
    };
    check(Kind::CameraPreset, 200, 500);
    check(Kind::LightingPreset, 500, 1_500);
    check(Kind::FiboTemplate, 1_000, 5_000);
    check(Kind::ModelFinetune, 10_000, 200_000);
}

#[test]
fn a_title_is_one_line_of_words() {
    let check = |title: &str, expected: &str| check(|it| it.title = title.to_owned(), expected);
    check("Red chair", "");
    check("  Red chair  ", "");
    check("椅子の光", "");
    check("3x3", "");
    check("灯光", "");
    check("조명", "");
    check("光", "/title words");
    check("می\u{200c}خواهم", "");
    check("👨\u{200d}👩\u{200d}👧 portrait", "");
    check(&"e\u{301}".repeat(80), "");
    check(&"x".repeat(80), "");
    check(&"椅".repeat(80), "");
    check(&"x".repeat(81), "/title length");
    check(&"x".repeat(10_000), "/title length");
    check("", "/title length, /title invisible_text, /title words");
    check("   ", "/title length, /title invisible_text, /title words");
    check("ab", "/title words");
    check("!!! ab ???", "/title words");
    check("Red\nchair", "/title words");
    check("Red\tchair", "/title words");
    check("Red\u{2028}chair", "/title invisible_text");
    check("\u{200b}", "/title invisible_text, /title words");
    check("Re\u{200b}d chair", "/title invisible_text");
    check("\u{3164}\u{3164}\u{3164}", "/title invisible_text");
    check("Red \u{202e}riahc", "/title invisible_text");
}

#[test]
fn texts_can_be_seen_and_have_a_limit() {
    check(|it| it.description = "x\n\n".repeat(1_333), "");
    check(|it| it.description = "x".repeat(4_001), "/description length");
    check(|it| it.description.clear(), "/description length, /description invisible_text");
    check(|it| it.description = "\u{e0041}\u{e0042}".to_owned(), "/description invisible_text");
    check(|it| it.attribution = None, "");
    check(|it| it.attribution = Some("x".repeat(201)), "/attribution length");
    check(|it| it.attribution = Some(" ".to_owned()), "/attribution invisible_text");
}

#[test]
fn tags_are_a_few_plain_words() {
    let check = |tags: Vec<String>, expected: &str| check(|it| it.tags = tags, expected);
    let tags = |count: u32| (0..count).map(|nth| format!("tag {nth}")).collect::<Vec<_>>();
    let one = |tag: &str| vec![tag.to_owned()];
    check(Vec::new(), "");
    check(tags(9), "");
    check(tags(10), "/tags too_many");
    check(tags(1_000), "/tags too_many");
    check(vec!["same".to_owned(); 10], "/tags too_many");
    check(one("x"), "/tags tag");
    check(one("xy"), "");
    check(one("35-mm film"), "");
    check(one("椅子"), "");
    check(one("गर्मी"), "");
    check(one("แสงนุ่ม"), "");
    check(one("cafe\u{301}"), "");
    check(one("نیم\u{200c}رخ"), "");
    check(one("شَمس"), "");
    check(one("a\u{200d}"), "/tags tag");
    check(one("👨\u{200d}👩\u{200d}👧"), "/tags tag");
    check(one(&"x".repeat(24)), "");
    check(one(&"x".repeat(25)), "/tags tag");
    check(one("  "), "/tags tag");
    check(one("<b>bold"), "/tags tag");
    check(one("a\u{200b}b"), "/tags tag");
    check(one("\u{3164}\u{3164}"), "/tags tag");
    check(vec!["!".to_owned(), "?".to_owned()], "/tags tag, /tags tag");
}

#[test]
fn a_large_tag_is_not_shown_to_its_end() {
    let tags = vec!["x".repeat(10_000)];
    let described = Description { tags, ..description(Kind::LightingPreset) };
    let InvalidFields(fields) = described.checked(Kind::LightingPreset).unwrap_err();
    let [field] = &fields[..] else { panic!("one field: {fields:?}") };
    assert_eq!((field.pointer.as_str(), field.code), ("/tags", "tag"));
    assert!(field.detail.len() < 120, "{}", field.detail);
}

#[test]
fn titles_and_tags_are_tidied() {
    let tags = [" Portrait", "portrait", "Low Key", "ÄRA", "A\u{308}ra", "low key "];
    let tags = tags.map(str::to_owned);
    let sent = Description {
        title: "  Rembrandt  ".to_owned(),
        tags: tags.to_vec(),
        ..description(Kind::LightingPreset)
    };
    let kept = sent.checked(Kind::LightingPreset).unwrap();
    assert_eq!(kept.title, "Rembrandt");
    assert_eq!(kept.tags, ["low key", "portrait", "ära"]);
    assert_eq!(kept.clone().checked(Kind::LightingPreset), Ok(kept), "it is idempotent");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    check(
        |it| {
            it.title.clear();
            it.price = 1;
            it.demo.subjects.clear();
            it.content = Content::default();
        },
        "/title length, /title invisible_text, /title words, /price/amount out_of_band, \
         /demo/subjects count, /content/lighting missing",
    );
}

#[test]
fn an_edit_changes_what_it_names() {
    let check = |edit: Edit, change: &dyn Fn(&mut Description)| {
        let mut expected = description(Kind::LightingPreset);
        change(&mut expected);
        assert_eq!(description(Kind::LightingPreset).edited(edit), expected);
    };
    let none = Edit::default;
    check(none(), &|_| {});
    check(Edit { title: Some("Other".to_owned()), ..none() }, &|it| it.title = "Other".to_owned());
    check(Edit { price: Some(0), ..none() }, &|it| it.price = 0);
    check(Edit { tags: Some(Vec::new()), ..none() }, &|it| it.tags.clear());
    check(Edit { category: Some(Category::Food), ..none() }, &|it| it.category = Category::Food);
    check(Edit { attribution: Some(None), ..none() }, &|it| it.attribution = None);
    let other = || Some("Light by Bo".to_owned());
    check(Edit { attribution: Some(other()), ..none() }, &|it| it.attribution = other());
    let note = || Some("Softer.".to_owned());
    check(Edit { changes: Some(note()), ..none() }, &|it| it.changes = note());
    let camera = || content(Kind::CameraPreset);
    check(Edit { content: Some(camera()), ..none() }, &|it| it.content = camera());
}

/// What changed is said of each version anew, and a version that was only submitted keeps it.
#[test]
fn the_note_on_changes_belongs_to_one_version() {
    let (mut listing, mut revision) = begun(Kind::LightingPreset, 500);
    let noted = |text: &str| Edit { changes: Some(Some(text.to_owned())), ..Edit::default() };
    revision = listing.edit(revision, noted("First."), NOW).unwrap();
    submitted(&mut listing, &mut revision).unwrap();
    revision = listing.edit(revision, Edit::default(), NOW).unwrap();
    assert_eq!((revision.number, revision.description.changes.as_deref()), (2, Some("First.")));
    submitted(&mut listing, &mut revision).unwrap();
    listing.approve(&mut revision, &mut ModelClaim::default(), NOW).unwrap();
    revision = listing.edit(revision, Edit::default(), NOW).unwrap();
    assert_eq!((revision.number, revision.description.changes.as_deref()), (3, None));
    revision = listing.edit(revision, noted("Softer."), NOW).unwrap();
    assert_eq!(revision.description.changes.as_deref(), Some("Softer."));
    let invisible = listing.edit(revision, noted("\u{200b}"), NOW);
    assert_eq!(found(invisible), "/changes invisible_text");
}

#[test]
fn an_entitlement_includes_later_approved_versions() {
    let listing = on_sale(500);
    let owned = Entitlement { revision: 2, ..entitled(&listing) };
    let version = |number: u32, published_at: Option<Timestamp>| {
        let (_, revision) = begun(Kind::LightingPreset, 500);
        Revision { number, published_at, ..revision }
    };
    let check = |number: u32, published_at: Option<Timestamp>, expected: bool| {
        assert_eq!(owned.includes(&version(number, published_at)), expected, "{number}");
    };
    check(1, Some(NOW), false);
    check(2, Some(NOW), true);
    check(3, None, false);
    check(4, Some(NOW), true);
    let newest = |number: u32| {
        let mut listing = listing.clone();
        listing.published.as_mut().unwrap().number = number;
        owned.newest_version(Some(&listing))
    };
    assert_eq!((newest(2), newest(4), owned.newest_version(None)), (2, 4, 2));
}

#[test]
fn a_revision_survives_the_table() {
    for kind in Kind::ALL {
        let (_, revision) = begun(kind, kind.terms().price_max);
        let text = serde_json::to_string(&revision).unwrap();
        assert_eq!(serde_json::from_str::<Revision>(&text).unwrap(), revision, "{kind:?}");
    }
}

#[test]
fn a_listing_has_a_few_pictures_each_once() {
    let (_, mut revision) = begun(Kind::LightingPreset, 500);
    assert!(revision.add_preview(preview(1)), "it was added before");
    assert_eq!(revision.previews.len(), 1);
    let taken = (2..=20).filter(|nth| revision.add_preview(preview(*nth))).count();
    assert_eq!((taken, revision.previews.len()), (7, 8));
    assert!(revision.add_preview(preview(8)), "it was added before, although it is full");
}
