//! Signatures of webhooks that match no secret.

use runtime::Metrics;

/// Counts a webhook with an invalid signature: after a faulty rotation, all of them are invalid.
pub(crate) fn refused() {
    Metrics::new().count("WebhookSignaturesRefused", 1).emit();
}
