//! Words: which listings match, and which of those come first.

use super::{catalogue, check, check_without_one, document, numbers, search, text, titled};
use crate::{Document, Matched, Query, Sort, WORDS_MAX};

#[test]
fn a_better_place_comes_before_a_worse_one_and_then_the_more_sold_and_the_newer() {
    let softbox = || "softbox".to_owned();
    let documents = [
        Document { description: softbox(), ..document(9) },
        Document { creator_name: softbox(), ..document(8) },
        Document { tags: vec![softbox()], ..document(7) },
        titled(3, "A softbox"),
        titled(4, "The softbox"),
        Document { sales: 40, ..titled(2, "Softbox!") },
        Document { sales: 9_999_999, description: softbox(), ..document(1) },
        document(6),
    ];
    check(&documents, &text("softbox"), &[2, 4, 3, 7, 8, 1, 9]);
}

#[test]
fn a_better_match_comes_before_a_worse_one() {
    let documents = [
        titled(9, "reflectro"),    // two letters swapped
        titled(8, "reflektoor"),   // two letters wrong
        titled(7, "reflectors"),   // it goes on
        titled(6, "reflector"),    // it is it
        titled(5, "deflector"),    // another first letter
        titled(4, "rfleektoorss"), // too many letters wrong
    ];
    check(&documents, &text("reflector"), &[6, 7, 9, 8]);
    check(&documents, &text("reflector untitled"), &[]);
}

#[test]
fn what_is_written_is_found() {
    let documents = [
        Document {
            title: "Café Rembrandt’s 85mm Key-Light".to_owned(),
            description: "Für Porträts, ΑΘΗΝΑ, Москва, 写真館 and naïve beginners.".to_owned(),
            tags: vec!["Low Key".to_owned(), "crème-brûlée".to_owned()],
            creator_name: "Zoë O'Neill".to_owned(),
            ..document(1)
        },
        titled(2, "Nothing of it"),
    ];
    for (typed, found) in [
        ("café", true),
        ("CAFE", true),
        ("cafe\u{301}", true),
        ("ca\u{200b}fe\u{feff}", true),
        ("caffe", true),
        ("cfae", true),
        ("cfea", false),
        ("porträts", true),
        ("portr", true),
        ("portrats low key", true),
        ("αθηνα", true),
        ("МОСКВА", true),
        ("写真館", true),
        ("写真", true),
        ("真館", true),
        ("館", true),
        ("写館", false),
        ("rembrandt", true),
        ("rembrandt's", true),
        ("rembradnt", true),
        ("rembrant cafe", true),
        ("rebrant cafe", false), // seven letters may have one typo,
        ("embrandt", false),
        ("zoe oneill", false), // two words are not one
        ("zoe neill", true),
        ("85mm", true),
        ("85 mm", true),
        ("85", true),
        ("35mm", false),
        ("86mm", false),
        ("35 mm", false),
        ("ke li", false),
        ("key lig", true),
        ("lig key", false), // only the last word is unfinished
        ("key light of the", true),
        ("the light for a cafe", true),
        ("brulee", true),
        ("naive beginers", true),
        ("cafe softbox", false),
    ] {
        let expected: &[u32] = if found { &[1] } else { &[] };
        check(&documents, &text(typed), expected);
    }
}

/// However a listing is spelled, and however it is searched.
#[test]
fn one_spelling_finds_the_other() {
    for (one, other) in [
        // Jamo, half-width kana and full-width letters.
        ("조명", "\u{110c}\u{1169}\u{1106}\u{1167}\u{11bc}"),
        ("ガラス", "ｶﾞﾗｽ"),
        ("ライト", "ﾗｲﾄ"),
        ("Soft", "Ｓｏｆｔ"),
        // Arabic and Hebrew, with and without marks.
        ("شَمْس", "شمس"),
        ("شمــس", "شمس"),
        ("أضواء", "اضواء"),
        ("שָׁלוֹם", "שלום"),
        // Case foldings of more than one letter, and accents of any script.
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδός"),
        ("Πορτρέτο", "πορτρετο"),
        ("İstanbul", "istanbul"),
        ("Ёлка", "елка"),
        ("smørrebrød", "smorrebrod"),
        ("ﬁlm", "film"),
        // Joiners do not change a word.
        ("می\u{200c}خواهم", "میخواهم"),
        ("गर्मी", "गर्मी"),
        // A number and its unit or name.
        ("85 mm", "85mm"),
        ("85-mm", "85mm"),
        ("85 мм", "85мм"),
        ("ISO100", "iso 100"),
        ("f/2.8", "f2.8"),
        ("８５ｍｍ", "85 mm"),
        ("5600K", "5600 k"),
        ("85毫米", "85 毫米"),
    ] {
        for (written, typed) in [(one, other), (other, one)] {
            check(&[titled(1, written), titled(2, "Nothing of it")], &text(typed), &[1]);
        }
    }
}

#[test]
fn what_is_written_without_blanks_is_found_inside() {
    let documents = [
        titled(1, "柔和人像摄影棚灯光预设"),
        titled(2, "写真スタジオの柔らかいライト"),
        titled(3, "แสงนุ่มสำหรับภาพบุคคล"),
        titled(4, "스튜디오조명프리셋"),
        titled(5, "85mm灯光第3回"),
        titled(6, "Portrait light"),
    ];
    for (typed, expected) in [
        ("灯光", &[5, 1][..]),
        ("灯光预设", &[1]),
        ("柔和人像摄影棚灯光预设", &[1]),
        ("光灯", &[]),
        ("摄影棚 灯光", &[1]),
        ("灯", &[5, 1]),
        ("设", &[1]),
        ("ライト", &[2]),
        ("スタジオ", &[2]),
        ("らいと", &[]),
        ("柔", &[2, 1]),
        ("แสง", &[3]),
        ("นุ่ม", &[3]),
        ("บุคคล", &[3]),
        ("ภาพบุคคล", &[3]),
        ("แสงบุคคล", &[]),
        ("조명", &[4]),
        ("프리셋", &[4]),
        ("85mm 灯光", &[5]),
        ("85 mm", &[5]),
        ("第3回", &[5]),
        ("portrait 灯光", &[]),
    ] {
        check(&documents, &text(typed), expected);
    }
    let tagged = Document { tags: vec!["灯光预设".to_owned()], ..document(7) };
    let tags = |tag: &str| Query { tags: vec![tag.to_owned()], ..Query::default() };
    check(std::slice::from_ref(&tagged), &tags("灯光预设"), &[7]);
    check(&[tagged], &tags("灯光"), &[]);
}

#[test]
fn where_nothing_has_all_words_the_best_without_one_is_found() {
    let documents = [
        titled(1, "Soft light"),
        titled(2, "Hard portrait light"),
        Document { description: "soft portrait".to_owned(), ..titled(3, "Still life") },
        titled(4, "Portrait"),
        titled(5, "Sunset"),
    ];
    check_without_one(&documents, &text("soft portrait light"), &[2, 1, 3]);
    check_without_one(&documents, &text("sotf lihgt bottle"), &[1]);
    check_without_one(&documents, &text("bottle sunset"), &[5]);
    check_without_one(&documents, &text("sunset bottle"), &[5]);
    // Only one word may be missing, and only if there are others.
    check(&documents, &text("bottle glass sunset"), &[]);
    let none = search(&catalogue(&documents), &text("bottle glass sunset"));
    assert_eq!((none.total, none.matched), (0, Matched::AllWords));
    let one = search(&catalogue(&documents), &text("bottle"));
    assert_eq!((one.total, one.matched), (0, Matched::AllWords));
    // Where something has all words, nothing else is found.
    check(&documents, &text("portrait light"), &[2]);
    check(&documents, &text("soft portrait"), &[3]);
    // Filters are not given up.
    let dear = Query { price_min: Some(1_000), ..text("soft portrait light") };
    check(&documents, &dear, &[]);
    let tagged = Query { tags: vec!["moody".to_owned()], ..text("sunset bottle") };
    let moody = Document { tags: vec!["moody".to_owned()], ..titled(6, "Sunset") };
    check_without_one(&[documents.to_vec(), vec![moody]].concat(), &tagged, &[6]);
    // The pieces of a run are one word.
    let written = [titled(1, "柔和人像摄影棚灯光预设"), titled(2, "Portrait")];
    check(&written, &text("光灯设"), &[]);
    assert_eq!(search(&catalogue(&written), &text("光灯设")).total, 0);
    check_without_one(&written, &text("portrait 灯光"), &[2, 1]);
}

#[test]
fn words_that_are_skipped_are_searched_if_there_are_no_others() {
    let documents = [titled(1, "The One"), titled(2, "Two")];
    check(&documents, &text("the"), &[1]);
    check(&documents, &text("the two"), &[2]);
}

#[test]
fn nothing_that_is_typed_is_more_than_words() {
    let documents = [titled(1, "Hard light and soft shadow"), titled(2, "🔥 hot light")];
    for (typed, expected) in [
        ("", &[2, 1][..]),
        (" \t\n", &[2, 1]),
        ("\u{200b}", &[]),
        ("🔥", &[]),
        ("!!! --- ???", &[]),
        ("light 🔥", &[2, 1]),
        ("light AND shadow", &[1]),
        ("light OR shadow", &[1]),
        ("light NOT hot", &[]),
        ("-light", &[2, 1]),
        ("\"shadow light\"", &[1]),
        ("title:light", &[]),
        ("light*", &[2, 1]),
        ("light~2^9", &[]),
        ("(light", &[2, 1]),
        ("light\\", &[2, 1]),
        ("[light TO *}", &[2, 1]),
        ("light\0shadow", &[1]),
        ("/li.*/", &[]),
        ("'; DROP TABLE light; --", &[]),
    ] {
        check(&documents, &text(typed), expected);
    }
}

#[test]
fn a_long_text_is_cut() {
    let documents = [titled(1, "light"), titled(2, "shadow")];
    let catalogue = catalogue(&documents);
    let light = |count| text(&"light ".repeat(count));
    assert_eq!(numbers(&search(&catalogue, &light(2_000))), [1]);
    let word = "light".repeat(2_000);
    assert_eq!(numbers(&search(&catalogue, &text(&word))), [0; 0]);
    let emoji = "🔥".repeat(2_500);
    assert_eq!(numbers(&search(&catalogue, &text(&emoji))), [0; 0]);
    let far = format!("light {} shadow", " ".repeat(200));
    assert_eq!(numbers(&search(&catalogue, &text(&far))), [1]);

    let many = |count: usize| (0..count).map(|word| format!("w{word}")).collect::<Vec<_>>();
    let documents = [titled(1, &many(WORDS_MAX).join(" "))];
    check(&documents, &text(&many(WORDS_MAX + 5).join(" ")), &[1]);
    check(&documents, &text(&many(WORDS_MAX + 5)[1..].join(" ")), &[]);
    let long = "x".repeat(300);
    check(&[titled(1, &long)], &text(&long), &[1]);
}

#[test]
fn a_place_does_not_depend_on_the_other_listings() {
    let softbox = || "softbox".to_owned();
    let of_two = [titled(1, "softbox"), Document { tags: vec![softbox()], ..document(2) }];
    let mut of_many = of_two.to_vec();
    of_many.extend((3..200).map(|number| Document { description: softbox(), ..document(number) }));
    check(&of_two, &text("softbox"), &[1, 2]);
    let found = search(&catalogue(&of_many), &text("softbox"));
    assert_eq!(numbers(&found)[..2], [1, 2]);
}

#[test]
fn a_text_can_be_sorted_by_something_else() {
    let documents = [titled(1, "light"), Document { tags: vec!["light".into()], ..document(2) }];
    check(&documents, &text("light"), &[1, 2]);
    check(&documents, &Query { sort: Some(Sort::Newest), ..text("light") }, &[2, 1]);
    check(&documents, &Query { sort: Some(Sort::Relevance), ..Query::default() }, &[2, 1]);
}
