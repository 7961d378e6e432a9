//! Render times: the single definition of the promised limits.

use std::time::{Duration, Instant};

use domain::camera::CameraSettings;
use domain::lighting::LightingRig;

use crate::{Palette, Quality, Scene, Subject};

/// A picture with a time limit on one core of a small machine.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name in tables.
    pub label: &'static str,
    /// Width and height in pixels.
    pub side_px: u32,
    /// The render quality.
    pub quality: Quality,
    /// The subject.
    pub subject: Subject,
    /// The time limit.
    pub at_most: Duration,
}

/// The measured pictures and their limits.
pub const TARGETS: [Target; 6] = [
    standard("studio bust 512 standard", Subject::Bust),
    standard("studio product 512 standard", Subject::Product),
    standard("studio sphere 512 standard", Subject::Sphere),
    preview("studio bust 256 preview", Subject::Bust),
    preview("studio product 256 preview", Subject::Product),
    preview("studio sphere 256 preview", Subject::Sphere),
];

const fn standard(label: &'static str, subject: Subject) -> Target {
    let at_most = Duration::from_millis(1_500);
    Target { label, side_px: 512, quality: Quality::Standard, subject, at_most }
}

const fn preview(label: &'static str, subject: Subject) -> Target {
    let at_most = Duration::from_millis(120);
    Target { label, side_px: 256, quality: Quality::Preview, subject, at_most }
}

/// The median render time of `rounds` pictures for each of [`TARGETS`], scene setup included.
pub fn measure(rounds: usize) -> Vec<(Target, Duration)> {
    TARGETS.into_iter().map(|target| (target, median(target, rounds.max(1)))).collect()
}

fn median(target: Target, rounds: usize) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|round| {
            let start = Instant::now();
            let scene = Scene::new(
                &LightingRig::three_point(),
                &CameraSettings::default(),
                target.subject,
                Palette::default(),
                round as u64,
            );
            std::hint::black_box(scene.render(target.side_px, target.side_px, target.quality));
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}
