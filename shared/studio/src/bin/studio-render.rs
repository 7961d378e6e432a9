//! `studio-render --rig three_point --subject bust --out picture.png`: a named rig as a PNG file.

use std::process::ExitCode;

use domain::camera::{AspectRatio, CameraSettings};
use domain::lighting::LightingRig;
use studio::{Palette, Quality, Scene, Subject};

const USAGE: &str = "\
usage: studio-render --out FILE.png [--rig NAME | --rig-json FILE] [--subject NAME] [--size PIXELS]
                     [--prompt TEXT] [--seed NUMBER] [--ratio W:H] [--aperture F]
                     [--focal MM] [--angle DEGREES] [--preview]
rigs: three_point, rembrandt, high_key; subjects: sphere, bust, product";

/// The command line.
struct Wanted {
    rig: LightingRig,
    camera: CameraSettings,
    subject: Subject,
    palette: Palette,
    side_px: u32,
    seed: u64,
    quality: Quality,
    out: String,
}

#[expect(clippy::print_stderr, reason = "a command line tool reports on standard error")]
fn main() -> ExitCode {
    match wanted(std::env::args().skip(1)).and_then(|wanted| render(&wanted)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        rig: LightingRig::three_point(),
        camera: CameraSettings::default(),
        subject: Subject::Bust,
        palette: Palette::default(),
        side_px: 512,
        seed: 1,
        quality: Quality::Standard,
        out: String::new(),
    };
    while let Some(option) = arguments.next() {
        if option == "--preview" {
            wanted.quality = Quality::Preview;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        let unknown = || format!("{option} {value}: not known");
        match option.as_str() {
            "--rig" => wanted.rig = LightingRig::named(&value).ok_or_else(unknown)?,
            "--rig-json" => {
                let text = std::fs::read_to_string(&value).map_err(|error| error.to_string())?;
                wanted.rig = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            }
            "--subject" => {
                let mut named = Subject::NAMED.into_iter();
                let found = named.find(|(name, _)| *name == value).ok_or_else(unknown)?;
                wanted.subject = found.1;
            }
            "--prompt" => {
                wanted.palette = Palette::from_prompt(&value);
                wanted.subject = Subject::from_prompt(&value);
            }
            "--size" => wanted.side_px = value.parse().map_err(|_| unknown())?,
            "--seed" => wanted.seed = value.parse().map_err(|_| unknown())?,
            "--aperture" => wanted.camera.aperture = value.parse().map_err(|_| unknown())?,
            "--focal" => wanted.camera.focal_length_mm = value.parse().map_err(|_| unknown())?,
            "--angle" => wanted.camera.angle_degrees = value.parse().map_err(|_| unknown())?,
            "--ratio" => {
                let mut ratios = AspectRatio::ALL.iter().copied();
                let found = ratios.find(|ratio| ratio.to_string() == value);
                wanted.camera.aspect_ratio = found.ok_or_else(unknown)?;
            }
            "--out" => wanted.out = value,
            _ => return Err(format!("{option}: not known")),
        }
    }
    if wanted.out.is_empty() { Err("--out is missing".to_owned()) } else { Ok(wanted) }
}

fn render(wanted: &Wanted) -> Result<(), String> {
    wanted.rig.validate().map_err(|error| error.to_string())?;
    wanted.camera.validate().map_err(|error| error.to_string())?;
    let Wanted { rig, camera, subject, palette, seed, .. } = wanted;
    let scene = Scene::new(rig, camera, *subject, *palette, *seed);
    let (width, height) = camera.aspect_ratio.fit(wanted.side_px);
    let png = scene.render(width, height, wanted.quality).to_png();
    let png = png.map_err(|error| error.to_string())?;
    std::fs::write(&wanted.out, png).map_err(|error| format!("{}: {error}", wanted.out))
}
