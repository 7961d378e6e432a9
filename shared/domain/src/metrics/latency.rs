//! Durations in buckets, eight for each power of two. Bucket counts can be added, and a percentile
//! computed from them is at most an eighth too high.

const STEPS: u32 = 8;
const STEP_BITS: u32 = 3;

/// The bucket of a duration in milliseconds.
pub fn bucket_of(ms: u64) -> u32 {
    let magnitude = ms.max(1).ilog2();
    if magnitude < STEP_BITS {
        return u32::try_from(ms).unwrap_or(0);
    }
    let step = (ms >> (magnitude - STEP_BITS)) & u64::from(STEPS - 1);
    (magnitude - STEP_BITS + 1) * STEPS + u32::try_from(step).unwrap_or(0)
}

/// The longest duration of a bucket, in milliseconds.
pub fn upper_bound_ms(bucket: u32) -> u64 {
    if bucket < STEPS {
        return u64::from(bucket);
    }
    let (magnitude, step) = (bucket / STEPS - 1, bucket % STEPS);
    let above = u128::from(STEPS + step + 1).checked_shl(magnitude).unwrap_or(u128::MAX);
    u64::try_from(above - 1).unwrap_or(u64::MAX)
}

/// The percentile of the durations in milliseconds; `None` without data. `buckets` are sorted, each
/// with its count.
pub(super) fn percentile(buckets: &[(u32, i64)], percent: i64) -> Option<u64> {
    let count: i64 = buckets.iter().map(|(_, count)| count).sum();
    // The smallest rank with at least that share at or below it.
    let rank = (count * percent + 99) / 100;
    let mut below = 0;
    let bucket = buckets.iter().find(|(_, count)| {
        below += count;
        below >= rank.max(1)
    });
    bucket.map(|(bucket, _)| upper_bound_ms(*bucket))
}
