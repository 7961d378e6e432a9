//! Properties that every picture must have.

use domain::camera::{self, AspectRatio, CameraSettings};
use domain::lighting::{self, Backdrop, Light, LightRole, LightingRig};

use crate::{Frame, Palette, Quality, Scene, Subject};

const SIDE_PX: u32 = 96;

fn photograph(rig: &LightingRig, camera: &CameraSettings, subject: Subject, seed: u64) -> Frame {
    let (width, height) = camera.aspect_ratio.fit(SIDE_PX);
    Scene::new(rig, camera, subject, Palette::default(), seed).render(
        width,
        height,
        Quality::Preview,
    )
}

fn of_sphere(light: Light) -> Frame {
    let rig = LightingRig { lights: vec![light], backdrop: Backdrop::default() };
    photograph(&rig, &CameraSettings::default(), Subject::Sphere, 1)
}

/// Mean of one channel over a part of the frame, given in shares of its sides.
fn mean(frame: &Frame, channel: usize, across: (f32, f32), down: (f32, f32)) -> f32 {
    let columns = part(across, frame.width);
    let (mut sum, mut count) = (0.0, 0.0);
    for y in part(down, frame.height) {
        for x in columns.clone() {
            sum += f32::from(frame.rgb[(y * frame.width as usize + x) * 3 + channel]);
            count += 1.0;
        }
    }
    sum / count
}

fn part((from, to): (f32, f32), side: u32) -> std::ops::Range<usize> {
    (from * side as f32) as usize..(to * side as f32) as usize
}

/// FNV-1a, enough to detect one changed byte.
fn fingerprint(frame: &Frame) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325;
    frame
        .rgb
        .iter()
        .fold(start, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_seed_others() {
    let picture = |seed| {
        let camera = CameraSettings { aperture: 1.8, ..CameraSettings::default() };
        photograph(&LightingRig::three_point(), &camera, Subject::Bust, seed)
    };
    assert_eq!(picture(7).to_png().unwrap(), picture(7).to_png().unwrap());
    assert_ne!(fingerprint(&picture(7)), fingerprint(&picture(8)));
}

/// A change of these numbers changes every picture made so far: have a reason.
#[test]
fn pictures_stay_what_they_were() {
    let found = Subject::NAMED.map(|(_, subject)| {
        let camera = CameraSettings::default();
        format!("{:016x}", fingerprint(&photograph(&LightingRig::rembrandt(), &camera, subject, 1)))
    });
    assert_eq!(found, ["2c575aa56eea60ed", "c301401b1ffd97cc", "98aacf463b90fab4"]);
}

#[test]
fn light_comes_from_where_the_rig_says() {
    let key = Light::of(LightRole::Key);
    let left = of_sphere(Light { azimuth: -60.0, ..key });
    let right = of_sphere(Light { azimuth: 60.0, ..key });
    let middle = (0.4, 0.6);
    for (frame, bright, dark) in
        [(&left, (0.3, 0.45), (0.6, 0.7)), (&right, (0.55, 0.7), (0.3, 0.4))]
    {
        let (lit, shaded) = (mean(frame, 1, bright, middle), mean(frame, 1, dark, middle));
        assert!(lit > shaded * 1.5, "{lit} {shaded}");
    }
}

#[test]
fn warm_light_is_warm_and_a_stop_is_visible() {
    let key = Light { azimuth: 0.0, ..Light::of(LightRole::Key) };
    let share = |frame: &Frame| {
        let whole = (0.0, 1.0);
        mean(frame, 0, whole, whole) / mean(frame, 2, whole, whole)
    };
    let warm = of_sphere(Light { colour: 3_000, ..key });
    let cool = of_sphere(Light { colour: 9_000, ..key });
    assert!(share(&warm) > 1.5 * share(&cool));
    let centre = (0.45, 0.55);
    let dimmed = of_sphere(Light { intensity: -1.0, ..key });
    let usual = of_sphere(key);
    assert!(mean(&usual, 1, centre, centre) > 1.2 * mean(&dimmed, 1, centre, centre));
}

#[test]
fn the_backdrop_falls_off_without_noise_or_bands() {
    let camera = CameraSettings::default();
    let frame = photograph(&LightingRig::three_point(), &camera, Subject::Bust, 3);
    let top = (0.0, 0.08);
    let (corner, middle) = (mean(&frame, 1, (0.0, 0.1), top), mean(&frame, 1, (0.6, 0.8), top));
    assert!(middle > corner + 8.0, "{middle} {corner}");
    for y in 0..8 {
        for x in 1..SIDE_PX as usize {
            let at = (y * SIDE_PX as usize + x) * 3;
            let step = frame.rgb[at].abs_diff(frame.rgb[at - 3]);
            assert!(step <= 6, "{step} at {x}, {y}");
        }
    }
}

#[test]
fn a_wide_aperture_blurs_what_is_not_in_focus() {
    let sharpest = |aperture: f64| {
        let camera = CameraSettings { aperture, ..CameraSettings::default() };
        let rig = LightingRig::high_key();
        let scene = Scene::new(&rig, &camera, Subject::Bust, Palette::default(), 1);
        let frame = scene.render(384, 384, Quality::Preview);
        // Along the shoulder, which is behind the face.
        let row = (0.93 * frame.height as f32) as usize * frame.width as usize;
        (1..frame.width as usize)
            .map(|x| frame.rgb[(row + x) * 3].abs_diff(frame.rgb[(row + x - 1) * 3]))
            .max()
            .unwrap()
    };
    assert!(sharpest(16.0) > sharpest(1.0) + 20, "{} {}", sharpest(16.0), sharpest(1.0));
}

#[test]
fn every_allowed_extreme_gives_a_picture() {
    let ends = |range: std::ops::RangeInclusive<f64>| [*range.start(), *range.end()];
    let mut pictures = 0;
    for (index, subject) in [0, 1].into_iter().flat_map(|i| Subject::NAMED.map(|(_, s)| (i, s))) {
        let light = |role| Light {
            role,
            azimuth: ends(lighting::AZIMUTH_DEGREES)[index],
            elevation: ends(lighting::ELEVATION_DEGREES)[index],
            distance: ends(lighting::DISTANCE_M)[index],
            intensity: ends(lighting::INTENSITY_STOPS)[1 - index],
            size: ends(lighting::SIZE_M)[index],
            colour: [*lighting::COLOUR_KELVIN.start(), *lighting::COLOUR_KELVIN.end()][index],
        };
        let rig = LightingRig {
            lights: vec![light(LightRole::Key), light(LightRole::Background)],
            backdrop: Backdrop {
                distance: ends(lighting::BACKDROP_DISTANCE_M)[index],
                falloff: ends(lighting::FALLOFF_STOPS)[index],
                ..Backdrop::default()
            },
        };
        rig.validate().unwrap();
        for choice in 0..16_usize {
            let camera = CameraSettings {
                focal_length_mm: ends(camera::FOCAL_LENGTH_MM)[choice & 1],
                aperture: ends(camera::APERTURE)[choice >> 1 & 1],
                height_m: ends(camera::HEIGHT_M)[choice >> 2 & 1],
                angle_degrees: ends(camera::ANGLE_DEGREES)[choice >> 3],
                aspect_ratio: AspectRatio::ALL[choice % 9],
            };
            camera.validate().unwrap();
            let scene = Scene::new(&rig, &camera, subject, Palette::default(), u64::MAX);
            let (width, height) = camera.aspect_ratio.fit(24);
            let frame = scene.render(width, height, Quality::Preview);
            assert_eq!(frame.rgb.len(), (width * height * 3) as usize);
            pictures += 1;
        }
    }
    assert_eq!(pictures, 96);
}
