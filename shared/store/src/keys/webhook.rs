//! Keys of webhooks and of their deliveries.

use domain::{
    id::{UserId, WebhookEventId, WebhookId, shard_in},
    webhook::delivery::Delivery,
};

use super::{DELIVERY_SHARDS, IndexKey, Item, Key, SK, text, user_of};

/// Also the prefix of the item's key, which is the whole of it.
pub(crate) const WEBHOOKS: &str = "WEBHOOKS";
pub(crate) const DELIVERY_PREFIX: &str = "DELIVERY#";

impl Key {
    pub(crate) fn webhooks(user: &UserId) -> Key {
        Key::of(user, WEBHOOKS.to_owned())
    }

    pub(crate) fn delivery(user: &UserId, webhook: &WebhookId, event: &WebhookEventId) -> Key {
        Key::of(user, format!("{}{event}", deliveries_prefix(webhook)))
    }
}

/// Prefix of the deliveries of a webhook; event ids sort by time.
pub(crate) fn deliveries_prefix(webhook: &WebhookId) -> String {
    format!("{DELIVERY_PREFIX}{webhook}#")
}

pub(crate) fn deliveries_pk(shard: u8) -> String {
    format!("DELIVERIES#{shard}")
}

/// A delivery is in the index until it has ended.
pub(crate) fn delivery_index(delivery: &Delivery) -> Option<IndexKey> {
    let look_at = delivery.look_at()?;
    let shard = shard_in(delivery.id.as_str(), DELIVERY_SHARDS);
    Some((deliveries_pk(shard), format!("{look_at}#{}", delivery.id)))
}

/// The key of the delivery of an index entry.
pub(crate) fn delivery_of(item: &Item) -> Option<Key> {
    let (webhook, event) = text(item, SK)?.strip_prefix(DELIVERY_PREFIX)?.split_once('#')?;
    let (webhook, event) = (WebhookId::parse(webhook).ok()?, WebhookEventId::parse(event).ok()?);
    Some(Key::delivery(&user_of(item)?, &webhook, &event))
}
