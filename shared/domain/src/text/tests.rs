use super::*;

#[test]
fn what_a_person_can_see_all_of() {
    for seen in [
        "a",
        "x y",
        "two\nlines\tand a tab",
        "Größe",
        "椅子",
        "कुर्सी",
        "كرسي",
        "e\u{301}",
        "🪑",
        "👍🏽",
        "❤\u{fe0f}",
        "5\u{fe0f}\u{20e3}",
        "\u{a0}a",
        "-",
        // Joiners between characters, and after a mark that they shape.
        "👨\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}\u{200d}🔥",
        "👩🏽\u{200d}🚀 on set",
        "क्\u{200d}ष",
        "ന്\u{200d}",
        "می\u{200c}خواهم",
        "র\u{200c}্য",
        "Auf\u{200c}lage",
        // Variants of a Chinese character and of a Mongolian letter.
        "葛\u{e0100}城",
        "㐂\u{fe00}",
        "ᠠ\u{180b}",
        // Flags of a country and of a region.
        "🇯🇵",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "🏴",
    ] {
        assert!(is_visible(seen), "{seen:?}");
    }
}

#[test]
fn what_hides() {
    for unseen in [
        // Blank.
        "",
        " ",
        "\n\t",
        "\u{a0}",
        "\u{3000}",
        "\u{2003}",
        "\u{2800}",
        "\u{3164}",
        "\u{ffa0}",
        "\u{115f}",
        "\u{1160}",
        "\u{fe0f}",
        "\u{fe0e}\u{fe0f}",
        " \u{fe0f} ",
        "\u{301}",
        "\u{200d}",
        // Zero-width characters.
        "a\u{200b}b",
        "a\u{feff}",
        "a\u{2060}b",
        "a\u{ad}b",
        "a\u{34f}b",
        "a\u{180e}b",
        "a\u{17b4}",
        "a\u{2064}b",
        "a\u{fe00}",
        "a\u{fff9}b",
        "a\u{1d173}",
        "a\u{1bca0}",
        // Joiners that join nothing, and repeated joiners.
        "a\u{200d}",
        "\u{200d}a",
        "a \u{200c}b",
        "a\u{200c} b",
        "a\u{200d}\u{200d}b",
        "👨\u{200d}",
        // Direction changes.
        "a\u{202e}b",
        "a\u{202a}b",
        "a\u{2066}b",
        "a\u{200e}b",
        "a\u{200f}b",
        "a\u{61c}b",
        // Tags that name no region, and selectors of no variant or of several: they carry invisible
        // text.
        "a\u{e0041}\u{e0042}",
        "a\u{e0001}",
        "a\u{e0100}",
        "葛\u{e0100}\u{e0101}",
        "❤\u{fe0f}\u{fe0f}",
        "a \u{fe0f}",
        "🏴\u{e0067}\u{e0062}\u{e0073}",
        "🏴\u{e0067}\u{e007f}",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e0067}\u{e0067}\u{e007f}",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e007f}\u{e0067}",
        // Controls, and line breaks that only some programs recognize.
        "a\u{0}",
        "a\u{7}b",
        "a\u{1b}[31m",
        "a\rb",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{2029}b",
    ] {
        assert!(!is_visible(unseen), "{unseen:?}");
    }
}

#[test]
fn a_line_is_one() {
    for (text, expected) in [("Ana", true), ("A\nna", false), ("A\tna", false), ("", false)] {
        assert_eq!(is_line(text), expected, "{text:?}");
    }
}

#[test]
fn text_is_kept_composed_and_with_one_kind_of_line_end() {
    for (sent, kept) in [
        ("plain", "plain"),
        ("a\r\nb\rc\n\r\n", "a\nb\nc\n\n"),
        ("cafe\u{301}", "café"),
        ("조명", "조명"),
        ("\u{110c}\u{1169}\u{1106}\u{1167}\u{11bc}", "조명"),
        ("が", "が"),
    ] {
        assert_eq!(normalized(sent), kept, "{sent:?}");
        assert_eq!(normalized(kept), kept, "normalizing again changes nothing");
    }
}

#[test]
fn a_length_does_not_depend_on_how_it_was_typed() {
    for (text, expected) in [("", 0), ("abc", 3), ("café", 4), ("cafe\u{301}", 4), ("👍🏽", 2)]
    {
        assert_eq!(length(text), expected, "{text:?}");
    }
}
