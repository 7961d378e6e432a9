//! `background-deliver-webhooks`: sends one event to one webhook of a member.
//!
//! The delivery, not the message, says whether it is to be sent; a duplicate message has no effect.
//! The queue gives a webhook one message at a time, in order. Success, failure and what follows are
//! recorded after the attempt: if the worker dies in between, the message is redelivered and the
//! receiver gets the same `webhook-id` again. A later attempt is queued by
//! `background-retry-webhooks`.

use clients::{WebhookSender, queue::DeliveryMessage};
use domain::webhook::delivery::DeliveryState;
use runtime::{Connect, Function, Metrics, Task, TaskError, Worker};
use store::{DeliveryRef, Store};
use tracing::{info, warn};

pub const WORKER: Worker = Worker::new("background-deliver-webhooks");

/// The function of this worker.
pub fn function() -> Function {
    Function::queue(WORKER, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    sender: WebhookSender,
}

async fn handle(
    Deps { store, sender }: &Deps,
    task: Task<DeliveryMessage>,
) -> Result<(), TaskError> {
    let DeliveryMessage { user_id, webhook_id, event_id, .. } = task.body;
    let work = store.delivery_work(&DeliveryRef { user_id, webhook_id, event_id }).await?;
    let Some(delivery) = work.delivery.as_ref().filter(|delivery| delivery.is_queued()) else {
        return Ok(());
    };
    let done = match work.receiver(delivery, task.now) {
        Ok(webhook) => Ok(sender.send(delivery, webhook, task.now).await),
        Err(why) => Err(why),
    };
    let Some((delivery, webhook)) = store.record_delivery(delivery, &done, task.now).await? else {
        return Ok(());
    };
    let (event, webhook_id) = (delivery.id.as_str(), delivery.webhook_id.as_str());
    let (attempts, state) = (delivery.attempts, delivery.delivery_state);
    info!(event, webhook_id, attempts, ?state, failure = ?delivery.failure, "webhook attempted");
    let was_enabled = work.webhooks.find(&delivery.webhook_id).map(|it| it.disabled.is_none());
    if let Some(disabled) = webhook.and_then(|webhook| webhook.disabled)
        && was_enabled == Some(true)
    {
        warn!(webhook_id, reason = ?disabled.reason, "webhook disabled, its member must enable it");
        Metrics::new().count("WebhooksDisabled", 1).emit();
    }
    let name = match state {
        DeliveryState::Delivered => "WebhooksDelivered",
        DeliveryState::Queued | DeliveryState::Waiting | DeliveryState::Failed => "WebhooksFailed",
    };
    Metrics::new().count(name, 1).emit();
    Ok(())
}
