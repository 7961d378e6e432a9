//! Validation of presets.

use super::*;

fn keep(name: &str, content: serde_json::Value) -> Result<Preset, InvalidFields> {
    let now = Timestamp::from_secs(1_800_000_000);
    let user = UserId::parse("user_1").unwrap();
    let content: PresetContent = serde_json::from_value(content).unwrap();
    Preset::keep(PresetId::new(now, 1), user, name.to_owned(), content, now)
}

#[test]
fn a_preset_has_a_visible_name_and_keeps_something() {
    let check = |name: &str, content: serde_json::Value, expected: &[&str]| {
        let found: Vec<String> = match keep(name, content) {
            Ok(preset) => {
                assert_eq!(preset.name, name);
                Vec::new()
            }
            Err(InvalidFields(fields)) => {
                fields.iter().map(|field| format!("{} {}", field.pointer, field.code)).collect()
            }
        };
        assert_eq!(found, expected, "{name:?}");
    };
    let prompt = || serde_json::json!({"prompt": "a red chair"});
    check("Soft key", prompt(), &[]);
    check("柔らかい光", prompt(), &[]);
    check(&"ä".repeat(NAME_CHARS_MAX), prompt(), &[]);
    check(&"ä".repeat(NAME_CHARS_MAX + 1), prompt(), &["/name name"]);
    check("", prompt(), &["/name name"]);
    check(" \u{a0}", prompt(), &["/name name"]);
    check("two\nlines", prompt(), &["/name name"]);
    check("x", serde_json::json!({}), &[" empty"]);
    check("", serde_json::json!({"prompt": " "}), &["/name name", "/prompt empty"]);
    check("x", serde_json::json!({"camera": {}}), &[]);
    check("x", serde_json::json!({"lighting": {"lights": []}}), &["/lighting/lights count"]);
    check(
        "x",
        serde_json::json!({"negative_prompt": "\u{7}"}),
        &["/negative_prompt invisible_text"],
    );
}
