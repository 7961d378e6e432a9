//! What a visitor may try before buying.

use super::*;
use crate::marketplace::listing::demo::{
    DemoError, DemoScene, DemoSubject, Overrides, default_scene,
};

/// A demo that allows some of everything.
fn open() -> DemoSettings {
    DemoSettings { stops_max: 1.5, kelvin_max: 1_000, lens: true, ..DemoSettings::default() }
}

#[test]
fn a_creator_allows_no_more_than_a_demo_can_show() {
    let check = |change: &dyn Fn(&mut DemoSettings), expected: &str| {
        let mut settings = DemoSettings::default();
        change(&mut settings);
        assert_eq!(found(settings.validate()), expected);
    };
    check(&|_| {}, "");
    check(&|it| it.stops_max = 3.0, "");
    check(&|it| it.stops_max = 3.01, "/stops_max out_of_range");
    check(&|it| it.stops_max = -0.1, "/stops_max out_of_range");
    for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check(&|it| it.stops_max = strange, "/stops_max out_of_range");
    }
    check(&|it| it.kelvin_max = 3_000, "");
    check(&|it| it.kelvin_max = 3_001, "/kelvin_max out_of_range");
    check(&|it| it.subjects = vec![DemoSubject::Bust], "");
    check(&|it| it.subjects.clear(), "/subjects count");
    check(&|it| it.subjects = vec![DemoSubject::Bust; 4], "/subjects count");
}

fn scene(
    settings: &DemoSettings,
    kind: Kind,
    overrides: Overrides,
) -> Result<DemoScene, DemoError> {
    settings.scene(kind, &content(kind), DemoSubject::Sphere, &overrides)
}

#[test]
fn a_visitor_changes_what_the_creator_allows() {
    let check = |change: &dyn Fn(&mut DemoSettings), overrides: Overrides, expected: &str| {
        let mut settings = open();
        change(&mut settings);
        let said = match scene(&settings, Kind::LightingPreset, overrides) {
            Ok(_) => String::new(),
            Err(DemoError::None) => "no_demo".to_owned(),
            Err(DemoError::Limits(fields)) => found::<()>(Err(fields)),
        };
        assert_eq!(said, expected, "{overrides:?}");
    };
    let none = Overrides::default();
    check(&|_| {}, none, "");
    check(&|it| it.enabled = false, none, "no_demo");
    check(&|it| it.subjects = vec![DemoSubject::Bust], none, "/subject not_offered");

    let stops = |stops: f64| Overrides { stops, ..none };
    check(&|_| {}, stops(1.5), "");
    check(&|_| {}, stops(-1.5), "");
    check(&|_| {}, stops(1.51), "/overrides/stops out_of_range");
    check(&|it| it.stops_max = 0.0, stops(0.1), "/overrides/stops out_of_range");
    for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check(&|_| {}, stops(strange), "/overrides/stops out_of_range");
        let lens = Overrides { focal_length_mm: Some(strange), ..none };
        check(&|_| {}, lens, "/overrides/focal_length_mm out_of_range");
        let aperture = Overrides { aperture: Some(strange), ..none };
        check(&|_| {}, aperture, "/overrides/aperture out_of_range");
    }

    let kelvin = |kelvin: i32| Overrides { kelvin, ..none };
    check(&|_| {}, kelvin(1_000), "");
    check(&|_| {}, kelvin(-1_000), "");
    check(&|_| {}, kelvin(1_001), "/overrides/kelvin out_of_range");
    check(&|_| {}, kelvin(i32::MIN), "/overrides/kelvin out_of_range");

    let lens = Overrides { focal_length_mm: Some(50.0), aperture: Some(2.8), ..none };
    check(&|_| {}, lens, "");
    check(
        &|it| it.lens = false,
        lens,
        "/overrides/focal_length_mm not_offered, /overrides/aperture not_offered",
    );
    let wide = Overrides { focal_length_mm: Some(13.9), aperture: Some(0.9), ..none };
    check(
        &|_| {},
        wide,
        "/overrides/focal_length_mm out_of_range, /overrides/aperture out_of_range",
    );
}

#[test]
fn only_what_can_be_drawn_has_a_demo() {
    let check = |kind: Kind, expected: &str| {
        assert_eq!(code(scene(&open(), kind, Overrides::default())), expected, "{kind:?}");
    };
    check(Kind::CameraPreset, "ok");
    check(Kind::LightingPreset, "ok");
    check(Kind::FiboTemplate, "ok");
    check(Kind::ModelFinetune, "no_demo");
}

#[test]
fn all_lights_move_together_and_stay_lights() {
    let settings = DemoSettings { stops_max: 3.0, kelvin_max: 3_000, ..open() };
    let lights =
        |overrides| scene(&settings, Kind::LightingPreset, overrides).unwrap().lighting.lights;
    let rig = LightingRig::rembrandt().lights;
    let turned = lights(Overrides { stops: 1.0, kelvin: -500, ..Overrides::default() });
    for (before, after) in rig.iter().zip(&turned) {
        assert_eq!((after.intensity, after.colour), (before.intensity + 1.0, before.colour - 500));
        assert_eq!((after.azimuth, after.size), (before.azimuth, before.size));
    }
    for stops in [3.0, -3.0] {
        for kelvin in [3_000, -3_000] {
            let overrides = Overrides { stops, kelvin, ..Overrides::default() };
            let drawn = scene(&settings, Kind::LightingPreset, overrides).unwrap();
            assert_eq!(found(drawn.lighting.validate()), "", "{overrides:?}");
        }
    }
    let warm = lights(Overrides { kelvin: -3_000, ..Overrides::default() });
    assert_eq!(warm[0].colour, 1_500, "3,600 K less 3,000 K is no light any more");
}

#[test]
fn what_the_content_leaves_open_is_a_usual_studio() {
    let check = |kind: Kind, lighting: LightingRig| {
        let drawn = default_scene(&content(kind), DemoSubject::Bust);
        assert_eq!((drawn.lighting, drawn.camera), (lighting, CameraSettings::default()));
    };
    check(Kind::LightingPreset, LightingRig::rembrandt());
    check(Kind::CameraPreset, LightingRig::three_point());

    let lens = Overrides { focal_length_mm: Some(50.0), ..Overrides::default() };
    let camera = scene(&open(), Kind::CameraPreset, lens).unwrap().camera;
    assert_eq!(camera, CameraSettings { focal_length_mm: 50.0, ..CameraSettings::default() });
}

/// Small changes of a slider request the same image.
#[test]
fn what_a_visitor_changes_is_drawn_in_steps() {
    let settings = DemoSettings { stops_max: 2.25, kelvin_max: 1_020, lens: true, ..open() };
    let drawn = |overrides| scene(&settings, Kind::LightingPreset, overrides).unwrap();
    let none = Overrides::default();
    let stops = |stops: f64| drawn(Overrides { stops, ..none });
    assert_eq!(stops(0.96), stops(1.04));
    assert_ne!(stops(1.0), stops(1.1));
    assert_eq!(stops(0.04), drawn(none));
    let rig = LightingRig::rembrandt().lights;
    let last = stops(2.25).lighting.lights[0].intensity;
    assert_eq!(last, rig[0].intensity + 2.25, "the last step ends at the creator's limit");
    let kelvin = |kelvin: i32| drawn(Overrides { kelvin, ..none });
    assert_eq!(kelvin(76), kelvin(124));
    assert_eq!(kelvin(-76), kelvin(-124));
    assert_ne!(kelvin(50), kelvin(100));
    assert_eq!(kelvin(1_020), kelvin(1_000));
    let lens = |focal: f64, aperture: f64| {
        drawn(Overrides { focal_length_mm: Some(focal), aperture: Some(aperture), ..none })
    };
    assert_eq!(lens(84.6, 2.04), lens(85.4, 1.96));
    assert_ne!(lens(85.0, 2.0), lens(86.0, 2.0));
    assert_ne!(lens(85.0, 2.0), lens(85.0, 2.2));
}
