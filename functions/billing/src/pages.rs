//! The pages of the frontend that Stripe sends people back to.

use clients::stripe::ReturnUrls;
use runtime::Frontend;

/// Where a checkout returns to. Stripe puts the session's name in place of the braces:
/// <https://docs.stripe.com/payments/checkout/custom-success-page>.
pub(crate) fn after_checkout(frontend: &Frontend) -> ReturnUrls {
    ReturnUrls {
        success: frontend.page("/billing/success?session_id={CHECKOUT_SESSION_ID}"),
        cancel: frontend.page("/billing/cancelled"),
    }
}

/// Where the portal returns to.
pub(crate) fn after_portal(frontend: &Frontend) -> String {
    frontend.page("/billing")
}
