//! What a listing may hold, by its kind.

use super::*;
use crate::{lighting::Light, marketplace::content::is_visible};

fn check(kind: Kind, change: impl FnOnce(&mut Content), expected: &str) {
    let mut content = content(kind);
    change(&mut content);
    assert_eq!(found(content.validate(kind)), expected, "{kind:?}");
}

#[test]
fn each_kind_has_its_parts_and_no_others() {
    let camera = |content: &mut Content| content.camera = Some(CameraSettings::default());
    let lighting = |content: &mut Content| content.lighting = Some(LightingRig::rembrandt());
    let prompt = |content: &mut Content| content.structured_prompt = Some(says("a chair"));
    let slots = |content: &mut Content| content.slots = vec![slot("thing", None)];
    let model = |content: &mut Content| content.model_id = Some("acme-v1".to_owned());
    let nothing = |content: &mut Content| *content = Content::default();

    check(Kind::CameraPreset, |_| {}, "");
    check(Kind::CameraPreset, nothing, "/camera missing");
    check(Kind::CameraPreset, lighting, "/lighting not_of_this_type");
    check(Kind::CameraPreset, prompt, "/structured_prompt not_of_this_type");
    check(Kind::CameraPreset, slots, "/slots not_of_this_type");
    check(Kind::CameraPreset, model, "/model_id not_of_this_type");

    check(Kind::LightingPreset, |_| {}, "");
    check(Kind::LightingPreset, nothing, "/lighting missing");
    check(Kind::LightingPreset, camera, "");
    check(Kind::LightingPreset, prompt, "/structured_prompt not_of_this_type");
    check(Kind::LightingPreset, slots, "/slots not_of_this_type");
    check(Kind::LightingPreset, model, "/model_id not_of_this_type");

    check(Kind::FiboTemplate, |_| {}, "");
    check(Kind::FiboTemplate, nothing, "/structured_prompt missing");
    check(Kind::FiboTemplate, camera, "");
    check(Kind::FiboTemplate, lighting, "");
    check(Kind::FiboTemplate, model, "/model_id not_of_this_type");

    check(Kind::ModelFinetune, |_| {}, "");
    check(Kind::ModelFinetune, nothing, "/model_id missing");
    check(Kind::ModelFinetune, camera, "/camera not_of_this_type");
    check(Kind::ModelFinetune, lighting, "/lighting not_of_this_type");
    check(Kind::ModelFinetune, prompt, "/structured_prompt not_of_this_type");
    check(Kind::ModelFinetune, slots, "/slots not_of_this_type");

    // Another kind's content is wrong twice.
    check(
        Kind::CameraPreset,
        |content| *content = super::content(Kind::ModelFinetune),
        "/camera missing, /model_id not_of_this_type",
    );
}

#[test]
fn parts_are_right_in_themselves() {
    let aperture = |aperture: f64| {
        move |content: &mut Content| {
            content.camera = Some(CameraSettings { aperture, ..CameraSettings::default() });
        }
    };
    check(Kind::CameraPreset, aperture(32.0), "");
    check(Kind::CameraPreset, aperture(32.1), "/camera/aperture out_of_range");
    check(Kind::LightingPreset, aperture(f64::NAN), "/camera/aperture out_of_range");
    check(
        Kind::FiboTemplate,
        |content| content.structured_prompt.as_mut().unwrap().context.clear(),
        "/structured_prompt/context empty",
    );
}

#[test]
fn a_rig_shines() {
    let stops = |stops: [f64; 2]| {
        move |content: &mut Content| {
            let rig = content.lighting.as_mut().unwrap();
            let light = |intensity| Light { intensity, ..rig.lights[0] };
            rig.lights = stops.map(light).to_vec();
        }
    };
    check(Kind::LightingPreset, stops([-6.0, -5.9]), "");
    check(Kind::LightingPreset, stops([-6.0, -6.0]), "/lighting/lights dark");
    check(Kind::LightingPreset, stops([-8.0, -7.0]), "/lighting/lights dark");
    check(
        Kind::LightingPreset,
        |content| content.lighting.as_mut().unwrap().lights.clear(),
        "/lighting/lights count, /lighting/lights dark",
    );
    check(
        Kind::LightingPreset,
        stops([f64::NAN, -6.0]),
        "/lighting/lights/0/intensity out_of_range, /lighting/lights dark",
    );
}

#[test]
fn a_model_has_a_plain_name() {
    let model = |id: &str| {
        let id = id.to_owned();
        move |content: &mut Content| content.model_id = Some(id)
    };
    for good in ["a", "7", "acme-v1.2_final", "ACME", &"a".repeat(100)] {
        check(Kind::ModelFinetune, model(good), "");
    }
    for bad in ["", " ", "a b", "a/b", ".", "..", "-a", "modèle", "a\n", &"a".repeat(101)] {
        check(Kind::ModelFinetune, model(bad), "/model_id model_id");
    }
}

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
    ] {
        assert!(is_visible(seen), "{seen:?}");
    }
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
        // Without width.
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
        // Turns what follows.
        "a\u{202e}b",
        "a\u{202a}b",
        "a\u{2066}b",
        "a\u{200e}b",
        "a\u{200f}b",
        "a\u{61c}b",
        // Tags, and selectors for hundreds of variants: both carry text that nobody sees.
        "a\u{e0041}\u{e0042}",
        "a\u{e0001}",
        "a\u{e0100}",
        // Controls, and lines that only some programs break.
        "a\u{0}",
        "a\u{7}b",
        "a\u{1b}[31m",
        "a\rb",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{2029}b",
        // A joiner makes a family of four people. It also hides, so it is refused here too.
        "👨\u{200d}👩\u{200d}👧",
        "क्\u{200d}ष",
        "a\u{200c}b",
    ] {
        assert!(!is_visible(unseen), "{unseen:?}");
    }
}
