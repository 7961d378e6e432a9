//! `background-buy-top-ups`: buys the pack that a member's top-up requests, with their saved card.
//!
//! The account, not the message, says whether a pack is due and which order buys it. The order is
//! written before the card is charged, and every charge of it has the same idempotency key, so
//! duplicate messages and crashed workers never charge twice. A failed charge stops the top-up with
//! its reason; if Stripe does not answer, the message is retried.

use clients::{Stripe, queue::TopUpMessage, stripe::Charged};
use domain::{
    account::AccountUpdate,
    billing::{
        order::{PackOrder, Via},
        payment::PaymentState,
        top_up::TopUpState,
    },
    id::{OrderId, UserId},
};
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use settlement::Settlement;
use store::{Store, StoreError};

pub const WORKER: Worker = Worker::new("background-buy-top-ups");

/// The failure code of an order without a saved card: Stripe's own code.
const NO_CARD: &str = "payment_method_required";

/// The function of this worker.
pub fn function() -> Function {
    Function::queue(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    stripe: Stripe,
}

async fn handle(Deps { store, stripe }: &Deps, task: Task<TopUpMessage>) -> Result<(), TaskError> {
    let user = &task.body.user_id;
    let Some(order) = begun(store, &task).await? else { return Ok(()) };
    let settlement = Settlement::new(store, stripe);
    let charged = match store.billing(user).await?.customer {
        Some(customer) => stripe.charge_saved_card(&order, &customer).await?,
        None => Charged::NoPaymentMethod,
    };
    let failed = match &charged {
        Charged::Settled(payment) => {
            settlement.payment(user, &payment.id, task.now).await?;
            matches!(payment.state, PaymentState::Failed { .. })
        }
        Charged::NoPaymentMethod => {
            settlement.fail_order(user, &order.id, NO_CARD, task.now).await?;
            true
        }
    };
    let name = if failed { "TopUpsFailed" } else { "TopUpsBought" };
    Metrics::new().count(name, 1).emit();
    Ok(())
}

/// The order that buys the pack: the one already begun, or a new one if a pack is due.
async fn begun(store: &Store, task: &Task<TopUpMessage>) -> Result<Option<PackOrder>, StoreError> {
    let user: &UserId = &task.body.user_id;
    let account = store.get_or_create_account(user, None, task.now).await?;
    match account.top_up.map(|top_up| top_up.state) {
        Some(TopUpState::Charging { order }) => store.order(user, &order).await.map(Some),
        Some(TopUpState::Due { .. }) => {
            let id = OrderId::new(task.now, task.random());
            store.begin_top_up(user, task.now, |update| place(&id, update)).await
        }
        Some(TopUpState::Armed | TopUpState::Paused { .. }) | None => Ok(None),
    }
}

/// No order for a member who may not act or no longer needs the pack.
fn place(id: &OrderId, update: &mut AccountUpdate) -> Result<Option<PackOrder>, StoreError> {
    let due = update.account().top_up.as_ref().filter(|due| {
        matches!(due.state, TopUpState::Due { .. }) && update.require_active().is_ok()
    });
    let Some(pack) = due.and_then(|due| due.settings).map(|settings| settings.pack) else {
        return Ok(None);
    };
    let order =
        PackOrder::place(id.clone(), pack, Via::TopUp, update).map_err(StoreError::refused)?;
    update.change_top_up(|top_up, _| top_up.begin(id.clone()));
    Ok(Some(order))
}
