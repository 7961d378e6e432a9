//! What a listing may contain, by its kind.

use super::*;
use crate::lighting::Light;

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

    // Another kind's content has two errors.
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
