//! The Checkout session of a purchase.

use clients::{Stripe, stripe::ReturnUrls};
use domain::{Timestamp, account::EmailClaim, marketplace::purchase::Purchase};
use runtime::{ApiError, Frontend};
use settlement::customer_of;
use store::Store;

/// The purchase with its session: the one it has, or a new one. A purchase that needs no session is
/// unchanged.
pub(crate) async fn with_page(
    (store, stripe, frontend): (&Store, &Stripe, &Frontend),
    purchase: Purchase,
    email: Option<EmailClaim<'_>>,
    now: Timestamp,
) -> Result<Purchase, ApiError> {
    if !purchase.is_open() || purchase.url.is_some() {
        return Ok(purchase);
    }
    let user = &purchase.buyer_id;
    let billing = store.billing(user).await?;
    let customer = customer_of(store, stripe, (user, email), billing, now).await?;
    let urls = after_checkout(frontend, &purchase);
    let page = stripe.open_purchase_checkout(&purchase, &customer, &urls).await?;
    Ok(store.set_purchase_checkout(user, &purchase.id, (&page.session, &page.url)).await?)
}

/// Where the page returns to. Stripe replaces the placeholder in braces with the session's id:
/// <https://docs.stripe.com/payments/checkout/custom-success-page>.
fn after_checkout(frontend: &Frontend, purchase: &Purchase) -> ReturnUrls {
    let (id, listing) = (&purchase.id, &purchase.listing_id);
    let success = format!("/marketplace/purchases/{id}?session_id={{CHECKOUT_SESSION_ID}}");
    ReturnUrls {
        success: frontend.page(&success),
        cancel: frontend.page(&format!("/marketplace/listings/{listing}")),
    }
}
