//! The Checkout session for a plan: a member has at most one open.

use clients::{
    Stripe,
    stripe::{OpenedPage, SessionStatus},
};
use domain::{
    account::Account,
    billing::{
        Billing,
        checkout::{PlanCheckout, PlanCheckoutStep},
        external::CustomerId,
    },
    id::CheckoutId,
    plan::Plan,
};
use runtime::{ApiError, Call, Frontend};
use settlement::Settlement;
use store::{Store, StoreError};

use crate::pages::after_checkout;

/// Find it over, close it, open another, and once more on a write conflict.
const STEPS_MAX: u32 = 4;

/// The Checkout URL for a plan: that of the open session, or of a new one.
pub(crate) async fn plan_page<R>(
    (store, stripe, frontend): (&Store, &Stripe, &Frontend),
    call: &Call<R>,
    customer: &CustomerId,
    plan: Plan,
) -> Result<(CheckoutId, String), ApiError> {
    let member = call.member()?;
    let (user, email) = (&member.user_id, member.email_claim());
    let subscribe = |account: &Account, billing: &mut Billing| {
        account.require_active(call.now).map_err(StoreError::refused)?;
        billing.subscribe(plan, call.now).map_err(StoreError::refused)
    };
    for _ in 0..STEPS_MAX {
        let key = call.idempotency();
        let (billing, step) = store.change_billing(user, email, key, call.now, subscribe).await?;
        let session = match step {
            PlanCheckoutStep::Open(checkout) => {
                let id = checkout.id();
                let urls = after_checkout(frontend, &id);
                let page = stripe.open_plan_checkout(user, customer, &checkout, &urls).await?;
                record_page(store, call, &checkout, &page).await?;
                if checkout.plan == plan {
                    return Ok((id, page.url));
                }
                continue;
            }
            PlanCheckoutStep::Again(session) => stripe.session(&session).await?,
            PlanCheckoutStep::Replace(session) => stripe.expire_session(&session).await?,
        };
        let open = billing.checkout.filter(|_| session.status == SessionStatus::Open);
        if let (Some(open), Some(url)) = (open, session.url) {
            return Ok((open.id(), url));
        }
        // It is paid or expired, and its event has not arrived yet.
        Settlement::new(store, stripe).session(user, &session.id, call.now).await?;
    }
    Err(StoreError::Busy.into())
}

/// Records the session's URL, so that a repeat need not call Stripe again.
async fn record_page<R>(
    store: &Store,
    call: &Call<R>,
    checkout: &PlanCheckout,
    page: &OpenedPage,
) -> Result<(), ApiError> {
    let user = &call.member()?.user_id;
    let opened = store.change_billing(user, None, None, call.now, |_, billing| {
        billing.opened(checkout.nth, page.session.clone(), page.url.clone());
    });
    opened.await?;
    Ok(())
}
