//! The slots of a template: validation and filling.

use std::collections::BTreeMap;

use super::*;

fn template(text: &str, slots: Vec<Slot>) -> Content {
    Content { structured_prompt: Some(says(text)), slots, ..Content::default() }
}

fn checked(text: &str, slots: Vec<Slot>) -> String {
    found(template(text, slots).validate(Kind::FiboTemplate))
}

#[test]
fn slots_are_named_and_used() {
    let check = |text: &str, names: &[&str], expected: &str| {
        let slots = names.iter().map(|name| slot(name, None)).collect();
        assert_eq!(checked(text, slots), expected, "{text} {names:?}");
    };
    check("a chair", &[], "");
    check("a {{thing}}", &["thing"], "");
    check("a {{ thing }} and {{thing}}", &["thing"], "");
    check("{{a}}{{b}}", &["b", "a"], "");
    check("a {{thing}}", &[], "/structured_prompt unknown_slot");
    check("a {{thing}}", &["colour"], "/slots/0 unused_slot, /structured_prompt unknown_slot");
    check("a chair", &["thing"], "/slots/0 unused_slot");
    check("a {{thing}}", &["thing", "thing"], "/slots/1 twice");

    // Half a slot is none.
    check("a {{thing", &["thing"], "/slots/0 unused_slot");
    check("a {thing}", &["thing"], "/slots/0 unused_slot");
    check(
        "a {{thing and {{thing}}",
        &["thing"],
        "/slots/0 unused_slot, /structured_prompt unknown_slot",
    );
    check("a {{{thing}}}", &["thing"], "/slots/0 unused_slot, /structured_prompt unknown_slot");
    check("a {{}}", &[], "/structured_prompt unknown_slot");

    // Names.
    let longest = "a".repeat(32);
    check(&format!("{{{{{longest}}}}}"), &[&longest], "");
    for bad in ["Thing", "1st", "_x", "a b", "ä", "a-b", "", &"a".repeat(33)] {
        check(&format!("{{{{{bad}}}}}"), &[bad], "/slots/0/name name");
    }
}

#[test]
fn a_template_has_at_most_twelve_slots() {
    let check = |count: usize, expected: &str| {
        let names: Vec<String> = (0..count).map(|nth| format!("s{nth}")).collect();
        let text = names.iter().map(|name| format!("{{{{{name}}}}}")).collect::<String>();
        let slots = names.iter().map(|name| slot(name, None)).collect();
        assert_eq!(checked(&text, slots), expected);
    };
    check(12, "");
    check(13, "/slots too_many, /structured_prompt unknown_slot");

    // Thousands of errors are not listed one by one, and long names are truncated.
    let many: String = (0..200).map(|nth| format!("{{{{{nth}{}}}}}", "x".repeat(50))).collect();
    let InvalidFields(fields) =
        template(&many, Vec::new()).validate(Kind::FiboTemplate).unwrap_err();
    assert!(fields.len() < 20, "{}", fields.len());
    assert!(fields.iter().all(|field| field.detail.len() < 120), "{fields:?}");
}

#[test]
fn labels_and_defaults_can_be_seen() {
    let check = |label: &str, default: Option<&str>, expected: &str| {
        let slot = Slot { label: label.to_owned(), ..slot("thing", default) };
        assert_eq!(checked("a {{thing}}", vec![slot]), expected, "{label:?} {default:?}");
    };
    check("What it is", None, "");
    check(&"椅".repeat(80), Some(&"椅".repeat(200)), "");
    check("", None, "/slots/0/label text");
    check(&"x".repeat(81), None, "/slots/0/label text");
    check("\u{3164}", None, "/slots/0/label text");
    check("Thing", Some(""), "/slots/0/default length, /slots/0/default text");
    check("Thing", Some(&"x".repeat(201)), "/slots/0/default length");
    check("Thing", Some("{{colour}}"), "/slots/0/default text");
    check("Thing", Some("a\u{202e}b"), "/slots/0/default text");
}

#[test]
fn slots_stand_in_all_texts() {
    let mut prompt = says("a chair");
    prompt.lighting.shadows = Some("{{shadows}}".to_owned());
    prompt.extra.insert("newer".to_owned(), json!({"deep": ["{{deep}}"]}));
    let slots = vec![slot("shadows", None), slot("deep", None)];
    let content = Content { structured_prompt: Some(prompt), slots, ..Content::default() };
    assert_eq!(found(content.validate(Kind::FiboTemplate)), "");
    let values = [("shadows", "none"), ("deep", "down")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let filled = content.fill(&BTreeMap::from(values)).unwrap().unwrap();
    assert_eq!(filled.lighting.shadows.as_deref(), Some("none"));
    assert_eq!(filled.extra["newer"], json!({"deep": ["down"]}));
}

#[test]
fn a_template_is_filled() {
    let slots = || vec![slot("thing", None), slot("colour", Some("red"))];
    let check = |text: &str, values: &[(&str, &str)], expected: &str| {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let said = match template(text, slots()).fill(&values.collect()) {
            Ok(filled) => filled.unwrap().short_description,
            Err(refused) => found::<()>(Err(refused)),
        };
        assert_eq!(said, expected, "{text}");
    };
    let text = "a {{thing}} in {{colour}}";
    check(text, &[("thing", "chair"), ("colour", "blue")], "a chair in blue");
    check(text, &[("thing", "chair")], "a chair in red");
    check(text, &[], "/slots/thing missing");
    check(text, &[("colour", "blue")], "/slots/thing missing");
    check(text, &[("thing", "chair"), ("size", "big")], "/slots/size unknown_slot");
    check(text, &[("Thing", "chair")], "/slots/Thing unknown_slot, /slots/thing missing");

    // As written.
    check("{{ thing }}|{{thing}}|{{\tcolour\n}}", &[("thing", "chair")], "chair|chair|red");
    check("a {{thing}} in {{colour", &[("thing", "chair")], "a chair in {{colour");
    check("a {{thing}} }} {", &[("thing", "chair")], "a chair }} {");

    // Filled-in text is not scanned for slots again.
    check(text, &[("thing", "{{colour}}")], "/slots/thing text");
    check(text, &[("thing", "a }}")], "/slots/thing text");
    check(text, &[("thing", "{colour}")], "a {colour} in red");
    check("{ {{thing}}{{colour}} }", &[("thing", "{"), ("colour", "{")], "{ {{ }");
    check("{{thing}}{{thing}}colour}}", &[("thing", "{")], "{{colour}}");

    // Values.
    check(text, &[("thing", "")], "/slots/thing length, /slots/thing text");
    check(text, &[("thing", " ")], "/slots/thing text");
    check(text, &[("thing", "a\u{200b}b")], "/slots/thing text");
    check(text, &[("thing", &"x".repeat(201))], "/slots/thing length");
    let long = "椅".repeat(200);
    check("{{thing}}", &[("thing", &long)], &long);
    let eleven = "{{thing}}".repeat(11);
    check(&eleven, &[("thing", &long)], "/structured_prompt/short_description too_long");
}

#[test]
fn what_has_no_prompt_has_no_slots() {
    let lights = content(Kind::LightingPreset);
    assert_eq!(lights.fill(&BTreeMap::new()), Ok(None));
    let values = BTreeMap::from([("thing".to_owned(), "chair".to_owned())]);
    assert_eq!(found(lights.fill(&values)), "/slots/thing unknown_slot");
}
