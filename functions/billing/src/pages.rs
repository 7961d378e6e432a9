//! The frontend's URLs that Stripe returns to.

use clients::stripe::ReturnUrls;
use runtime::Frontend;

/// Where a checkout returns to. Stripe replaces the placeholder in braces with the session's id:
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
