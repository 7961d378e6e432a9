//! Signatures of webhooks that match no secret.

use domain::Timestamp;
use runtime::Metrics;

/// Counts a webhook with an invalid signature: after a faulty rotation, all of them are invalid.
pub(crate) fn refused(now: Timestamp) {
    Metrics::at(now).count("WebhookSignaturesRefused", 1).emit();
}
