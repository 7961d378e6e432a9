//! What providers ask for a picture. The one table of it.

use crate::generation::{Job, Provider, Quality};

/// Bria's price of a picture, in millionths of a dollar: <https://bria.ai/pricing>, July 2026.
pub const FIBO_MICROS: i64 = 30_000;
/// And of one by the lite model.
const FIBO_LITE_MICROS: i64 = 20_000;

/// What a job costs us, in millionths of a dollar: Bria's price once it took it, whatever came of
/// it; nothing for what we draw ourselves.
pub fn cost_micros(job: &Job) -> i64 {
    match job.provider {
        Provider::Bria if job.submitted_at.is_some() => match job.quality {
            Quality::Standard => FIBO_MICROS,
            Quality::Lite => FIBO_LITE_MICROS,
        },
        Provider::Bria | Provider::Studio => 0,
    }
}
