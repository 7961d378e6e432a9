//! The providers' prices for images. The only table of them.

use crate::generation::{Job, Provider, Quality};

/// Bria's price of an image, in millionths of a dollar: <https://bria.ai/pricing>, July 2026.
pub const FIBO_MICROS: i64 = 30_000;
/// The price of an image by the lite model.
const FIBO_LITE_MICROS: i64 = 20_000;

/// A job's cost, in millionths of a dollar: Bria's price once it accepted the request, whatever the
/// outcome; zero for our own renderer.
pub fn cost_micros(job: &Job) -> i64 {
    match job.provider {
        Provider::Bria if job.submitted_at.is_some() => match job.quality {
            Quality::Standard => FIBO_MICROS,
            Quality::Lite => FIBO_LITE_MICROS,
        },
        Provider::Bria | Provider::Studio => 0,
    }
}
