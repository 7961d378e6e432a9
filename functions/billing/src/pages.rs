//! The frontend's URLs that Stripe returns to.

use clients::stripe::ReturnUrls;
use domain::id::CheckoutId;
use runtime::Frontend;

/// Where a checkout returns to: the page asks `GET /api/v1/billing/checkouts/{id}` what came of it,
/// and shows who pressed the back link an open page again. Stripe replaces the placeholder in braces with the session's id:
/// <https://docs.stripe.com/payments/checkout/custom-success-page>.
pub(crate) fn after_checkout(frontend: &Frontend, id: &CheckoutId) -> ReturnUrls {
    let success = format!("/billing/success?checkout_id={id}&session_id={{CHECKOUT_SESSION_ID}}");
    ReturnUrls {
        success: frontend.page(&success),
        cancel: frontend.page(&format!("/billing/cancelled?checkout_id={id}")),
    }
}

/// Where the portal returns to.
pub(crate) fn after_portal(frontend: &Frontend) -> String {
    frontend.page("/billing")
}
