//! The similarity of two contents.

use super::*;
use crate::{
    lighting::Light,
    marketplace::listing::similarity::{BANDS, NEAR, SIMILAR_MAX, Signature, Similar, nearest},
};

fn rig(change: impl Fn(&mut LightingRig)) -> Content {
    let mut rig = LightingRig::rembrandt();
    change(&mut rig);
    Content { lighting: Some(rig), ..Content::default() }
}

fn template(text: &str) -> Content {
    Content { structured_prompt: Some(says(text)), ..Content::default() }
}

/// The similarity of two contents of a kind, and whether a look-up of one finds the other.
fn score(kind: Kind, one: &Content, other: &Content) -> (u8, bool) {
    let [one, other] = [one, other].map(|content| Signature::of(kind, content));
    assert_eq!(one.score(&other), other.score(&one));
    let theirs = other.bands();
    (one.score(&other), one.bands().iter().any(|band| theirs.contains(band)))
}

fn each(change: impl Fn(&mut Light)) -> Content {
    rig(|rig| rig.lights.iter_mut().for_each(&change))
}

#[test]
fn the_same_is_the_same() {
    for kind in Kind::ALL {
        assert_eq!(score(kind, &content(kind), &content(kind)), (100, true), "{kind:?}");
    }
}

#[test]
fn a_copy_is_near_and_is_found() {
    let check = |kind: Kind, one: Content, other: Content| {
        let (near, meets) = score(kind, &one, &other);
        assert!(near >= NEAR && meets, "{near} {meets} {other:?}");
    };
    let rigs = |other: Content| check(Kind::LightingPreset, rig(|_| {}), other);
    rigs(rig(|rig| rig.lights[0].azimuth += 3.0));
    rigs(rig(|rig| rig.lights[0].azimuth += 90.0));
    rigs(rig(|rig| rig.lights.reverse()));
    rigs(rig(|rig| rig.lights.truncate(3)));
    rigs(rig(|rig| rig.backdrop.falloff = 0.0));
    rigs(each(|light| light.intensity += 0.1));
    rigs(each(|light| light.colour += 100));
    rigs(each(|light| {
        (light.azimuth, light.elevation) = (light.azimuth + 2.0, light.elevation + 2.0)
    }));
    rigs(Content { camera: Some(CameraSettings::default()), ..rig(|_| {}) });

    let camera = |focal_length_mm: f64| {
        let camera = CameraSettings { focal_length_mm, ..CameraSettings::default() };
        Content { camera: Some(camera), ..Content::default() }
    };
    check(Kind::CameraPreset, camera(85.0), camera(86.0));

    let text = "a worn leather armchair in the corner of a quiet library at dusk, with a folded \
                blanket over one arm and a brass lamp behind it that throws a warm circle";
    let said = |text: &str| template(text);
    let templates = |other: &str| check(Kind::FiboTemplate, said(text), said(other));
    templates(&text.to_uppercase());
    templates(&text.replace(',', " -- "));
    templates(&text.replace("brass", "copper"));
    templates(&format!("{text} of light"));
    let text = "黄昏时分安静的图书馆角落里有一把磨损的皮革扶手椅，扶手上搭着一条折叠的毯子，身后一盏黄铜台灯洒下温暖的光圈";
    let templates = |other: &str| check(Kind::FiboTemplate, said(text), said(other));
    templates(&text.replace("黄铜", "铜"));
    templates(&text.replace('，', ""));
}

#[test]
fn something_else_is_far() {
    let check = |kind: Kind, one: Content, other: Content| {
        let (near, _) = score(kind, &one, &other);
        assert!(near < NEAR, "{near} {other:?}");
    };
    let named = |rig: LightingRig| Content { lighting: Some(rig), ..Content::default() };
    check(Kind::LightingPreset, rig(|_| {}), named(LightingRig::high_key()));
    check(Kind::LightingPreset, rig(|_| {}), named(LightingRig::three_point()));
    check(Kind::LightingPreset, named(LightingRig::high_key()), named(LightingRig::three_point()));
    check(Kind::ModelFinetune, content(Kind::ModelFinetune), {
        Content { model_id: Some("acme-v2".to_owned()), ..Content::default() }
    });
    check(
        Kind::FiboTemplate,
        template("a worn leather armchair in the corner of a quiet library at dusk"),
        template("three green apples in a glass bowl seen from above on linen, hard sun"),
    );
}

#[test]
fn another_kind_is_never_near() {
    let both = Content { camera: Some(CameraSettings::default()), ..rig(|_| {}) };
    for one in Kind::ALL {
        for other in Kind::ALL.into_iter().filter(|other| *other != one) {
            let [own, theirs] = [one, other].map(|kind| Signature::of(kind, &both));
            assert_eq!(own.score(&theirs), 0, "{one:?} {other:?}");
        }
    }
}

#[test]
fn what_is_stored_is_found_again_later() {
    let signature = Signature::of(Kind::LightingPreset, &rig(|_| {}));
    let bands = signature.bands();
    assert_eq!(bands.len(), BANDS);
    expect_test::expect!["00#70403c27f4ec3ef5"].assert_eq(&bands[0]);
    let stored = serde_json::to_string(&signature).unwrap();
    assert_eq!(serde_json::from_str::<Signature>(&stored).unwrap().bands(), bands);
}

#[test]
fn the_nearest_come_first_and_the_far_not_at_all() {
    let sign = |content: &Content| Signature::of(Kind::LightingPreset, content);
    let own = sign(&rig(|_| {}));
    let turned = rig(|rig| rig.lights[0].azimuth += 90.0);
    let far = Content { lighting: Some(LightingRig::high_key()), ..Content::default() };
    let candidates = vec![
        (listing_id(4), sign(&far)),
        (listing_id(3), sign(&turned)),
        (listing_id(2), own.clone()),
        (listing_id(1), own.clone()),
    ];
    let found = nearest(&own, candidates);
    let order: Vec<&ListingId> = found.iter().map(|similar| &similar.listing_id).collect();
    assert_eq!(order, [&listing_id(1), &listing_id(2), &listing_id(3)]);
    assert_eq!(found[0], Similar { listing_id: listing_id(1), score: 100 });
    assert!((NEAR..100).contains(&found[2].score), "{found:?}");

    let many = (0..1_000).map(|nth| (listing_id(nth), own.clone()));
    assert_eq!(nearest(&own, many).len(), SIMILAR_MAX);
    assert_eq!(nearest(&own, Vec::new()), []);
}
