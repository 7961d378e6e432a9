//! The Checkout session for a pack of credits.

use clients::Stripe;
use domain::{
    billing::{
        external::CustomerId,
        order::{PackOrder, Via},
    },
    id::{CheckoutId, OrderId},
    pack::Pack,
};
use runtime::{ApiError, Call, Frontend};
use store::Store;

use crate::pages::after_checkout;

/// Places an order and opens its Checkout session: the same one for the same key.
pub(crate) async fn pack_page<R>(
    (store, stripe, frontend): (&Store, &Stripe, &Frontend),
    call: &Call<R>,
    customer: &CustomerId,
    pack: Pack,
) -> Result<(CheckoutId, String), ApiError> {
    let member = call.member()?;
    let owner = (&member.user_id, member.email_claim());
    let id = OrderId::new(call.now, call.random());
    let placed = store.place_order(owner, call.idempotency_key()?, call.now, |update| {
        PackOrder::place(id.clone(), pack, Via::Checkout, update)
    });
    let order = placed.await?;
    let checkout = CheckoutId::of(&order.id);
    if let Some(url) = order.url {
        return Ok((checkout, url));
    }
    let urls = after_checkout(frontend, &checkout);
    let page = stripe.open_pack_checkout(&order, customer, &urls).await?;
    store.set_order_checkout(&member.user_id, &order.id, &page.session, &page.url).await?;
    Ok((checkout, page.url))
}
