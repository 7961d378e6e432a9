//! Webhooks and the deliveries of their events.
//!
//! The table is the outbox twice. A change that states an event passes through its stream and
//! becomes deliveries ([`Store::announce`]); a delivery that is queued passes through it too and
//! becomes a message ([`queued_delivery`]). So an event or a message is never lost, and may come
//! twice: a delivery has the key of its event, and a message only says to look at it.

use domain::{
    Timestamp,
    account::{Account, EmailClaim},
    billing::Billing,
    generation::{Job, Status},
    id::{UserId, WebhookEventId, WebhookId},
    marketplace::{
        creator::{payout::Payout, sale::Sale},
        listing::Listing,
        moderation::flag::Flags,
    },
    webhook::{
        announcement::Announcement,
        delivery::{Attempt, Delivery, DeliveryFailure, DeliveryState},
        endpoint::{Webhook, Webhooks},
        event::Event,
    },
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    accounts::begin_active_update,
    condition::Condition,
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, outcome},
    keys::{
        BILLING, FLAGS_PREFIX, JOB_PREFIX, Key, LISTING, PAYOUT_PREFIX, SALE_PREFIX, SK,
        deliveries_pk, deliveries_prefix, delivery_index, delivery_of, due_bound, is_account,
        set_index_key,
    },
    table::{BatchItems, IndexPage, IndexPosition, Store, decode_image, encode},
    transaction::{Committed, Transaction},
    update::Decided,
    versioned::versioned,
};

versioned! {
    Webhooks = Webhooks, |it| Key::webhooks(&it.user_id), |_| None;
    Delivery = Delivery, |it| Key::delivery(&it.user_id, &it.webhook_id, &it.id), delivery_index;
}

/// What names a delivery: the member, the webhook and the event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeliveryRef {
    /// The member.
    pub user_id: UserId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event, which is the delivery's id.
    #[serde(rename = "id")]
    pub event_id: WebhookEventId,
}

/// A delivery and what decides whether it may be sent.
#[derive(Debug, Clone)]
pub struct DeliveryWork {
    /// The member's account.
    pub account: Option<Account>,
    /// The member's webhooks.
    pub webhooks: Webhooks,
    /// The delivery, if it is still in the log.
    pub delivery: Option<Delivery>,
}

impl DeliveryWork {
    /// The webhook to send the delivery to.
    ///
    /// # Errors
    /// When nothing may be sent.
    pub fn receiver(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<&Webhook, DeliveryFailure> {
        let webhook = self.webhooks.find(&delivery.webhook_id);
        delivery.receiver(self.account.as_ref(), webhook, now)
    }
}

/// The event that a change states, given the item before and after as stream images; `None` if it
/// states none. `at` is the time of the change.
///
/// # Errors
/// [`StoreError::Corrupt`] when the item has the key of such an item and is none.
pub fn announced_by(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    at: Timestamp,
) -> Result<Option<Announcement>, StoreError> {
    let text = |name: &str| after.get(name).and_then(|value| value.get("S")?.as_str());
    let sk = text(SK).unwrap_or_default();
    Ok(if sk.starts_with(JOB_PREFIX) {
        // Nearly all changes of jobs are before their end.
        let ends = [Status::Succeeded, Status::Failed, Status::Cancelled];
        let ended = ends.into_iter().any(|end| text("status") == Some(end.into_str()));
        if !ended {
            return Ok(None);
        }
        pair::<Job>(before, after)?.and_then(|(was, is)| Announcement::of_job(was.as_ref(), &is))
    } else if is_account(sk) {
        pair::<Account>(before, after)?
            .and_then(|(was, is)| Announcement::of_account(was.as_ref(), &is, at))
    } else if sk == BILLING {
        pair::<Billing>(before, after)?
            .and_then(|(was, is)| Announcement::of_billing(was.as_ref(), &is, at))
    } else if sk.starts_with(SALE_PREFIX) {
        pair::<Sale>(before, after)?
            .and_then(|(was, is)| Announcement::of_sale(was.as_ref(), &is, at))
    } else if sk.starts_with(PAYOUT_PREFIX) {
        pair::<Payout>(before, after)?
            .and_then(|(was, is)| Announcement::of_payout(was.as_ref(), &is, at))
    } else if sk == LISTING {
        pair::<Listing>(before, after)?
            .and_then(|(was, is)| Announcement::of_listing(was.as_ref(), &is))
    } else if sk == FLAGS_PREFIX {
        pair::<Flags>(before, after)?
            .and_then(|(was, is)| Announcement::of_flags(was.as_ref(), &is))
    } else {
        None
    })
}

/// An item before and after its change; `None` if it was deleted.
fn pair<T: DeserializeOwned>(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<Option<(Option<T>, T)>, StoreError> {
    let Some(after) = decode_image(after, |_| true)? else { return Ok(None) };
    Ok(Some((decode_image(before, |_| true)?, after)))
}

/// The delivery that a stream image queues, and when; `None` if the change is about something else.
///
/// # Errors
/// [`StoreError::Corrupt`] when the item has a delivery's key and is none.
pub fn queued_delivery(
    image: &Map<String, Value>,
) -> Result<Option<(DeliveryRef, Timestamp)>, StoreError> {
    let changed: Option<Queued> =
        decode_image(image, |sk| sk.starts_with(crate::keys::DELIVERY_PREFIX))?;
    let queued = changed.filter(|it| it.delivery_state == DeliveryState::Queued);
    Ok(queued.map(|it| (it.delivery, it.queued_at)))
}

/// The part of a delivery that becomes a message.
#[derive(Debug, Deserialize)]
struct Queued {
    #[serde(flatten)]
    delivery: DeliveryRef,
    delivery_state: DeliveryState,
    queued_at: Timestamp,
}

impl Store {
    /// A member's webhooks (Q68).
    pub async fn webhooks(&self, user: &UserId) -> Result<Webhooks, StoreError> {
        let found = self.get(&Key::webhooks(user)).await?;
        Ok(found.unwrap_or_else(|| Webhooks::none(user.clone())))
    }

    /// One webhook of a member (Q68).
    ///
    /// # Errors
    /// [`NotFound::Webhook`].
    pub async fn webhook(&self, user: &UserId, id: &WebhookId) -> Result<Webhook, StoreError> {
        found(&self.webhooks(user).await?, id).cloned()
    }

    /// Adds a webhook, or returns the one that the same key added before (Q69).
    ///
    /// # Errors
    /// When the member is suspended or has too many, or the key was used for another request.
    pub async fn create_webhook(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        webhook: &Webhook,
        request: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<Webhook, StoreError> {
        let keys = keys_of(user, request);
        self.update_items(&keys, |mut read| {
            let update = begin_active_update(read.next()?, user, email, now)?;
            let before: Option<Webhooks> = read.next()?;
            let mut after = before.clone().unwrap_or_else(|| Webhooks::none(user.clone()));
            if let Some(Outcome::Webhook(id)) = outcome(read.next()?, request, now)? {
                return Ok((Transaction::default(), found(&after, &id)?.clone()));
            }
            after.add(webhook.clone()).map_err(StoreError::refused)?;
            let writes = Transaction::default()
                .account_update(update)?
                .replace(before.as_ref(), &after)?
                .remember(user, request, Outcome::Webhook(webhook.id.clone()), now)?;
            Ok((writes, webhook.clone()))
        })
        .await
    }

    /// Changes a webhook by a decision. With a key, the same request changes it once (Q69).
    ///
    /// # Errors
    /// [`NotFound::Webhook`], when the member is suspended, or what `change` refuses.
    pub async fn update_webhook<D: Decided>(
        &self,
        (user, id): (&UserId, &WebhookId),
        request: Option<&Idempotency>,
        now: Timestamp,
        change: impl Fn(&mut Webhook) -> D,
    ) -> Result<Webhook, StoreError> {
        self.update_items(&keys_of(user, request), |mut read| {
            let (before, repeated, writes) = begun(&mut read, (user, id), request, now)?;
            let mut after = before.clone();
            if repeated {
                return Ok((Transaction::default(), found(&after, id)?.clone()));
            }
            let changed = after.find_mut(id).ok_or(NotFound::Webhook);
            let changed = changed.map_err(StoreError::refused)?;
            change(changed).decided()?;
            let changed = changed.clone();
            let writes = writes.replace(Some(&before), &after)?;
            let outcome = Outcome::Webhook(id.clone());
            Ok((writes.remember(user, request, outcome, now)?, changed))
        })
        .await
    }

    /// Deletes a webhook. Its log stays until it expires, and nobody reads it.
    ///
    /// # Errors
    /// [`NotFound::Webhook`] or when the member is suspended.
    pub async fn delete_webhook(
        &self,
        (user, id): (&UserId, &WebhookId),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.update_items(&keys_of(user, None), |mut read| {
            let (before, _, writes) = begun(&mut read, (user, id), None, now)?;
            let mut after = before.clone();
            after.remove(id);
            Ok((writes.replace(Some(&before), &after)?, ()))
        })
        .await
    }

    /// Makes a delivery of an event for each webhook that wants it; one that exists stays as it is
    /// (Q68). Costs one read if there is none.
    pub async fn announce(
        &self,
        announcement: &Announcement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Announcement { id, user_id, event } = announcement;
        let webhooks = self.webhooks(user_id).await?;
        for webhook in webhooks.wanting(event.data.event_type()) {
            let to = (user_id.clone(), webhook.id.clone());
            self.add_delivery(&Delivery::new(to, id.clone(), event, now)).await?;
        }
        Ok(())
    }

    async fn add_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let key = Key::delivery(&delivery.user_id, &delivery.webhook_id, &delivery.id);
        let delivery = Delivery { version: 1, ..delivery.clone() };
        let mut item = encode(&key, &delivery)?;
        set_index_key(&mut item, delivery_index(&delivery));
        self.put_item(item, Condition::absent()).await.map(drop)
    }

    /// Makes the delivery of a test event to a webhook.
    ///
    /// # Errors
    /// [`NotFound::Webhook`], when it is disabled, or the member is suspended.
    pub async fn test_webhook(
        &self,
        (user, id): (&UserId, &WebhookId),
        event: (WebhookEventId, Event),
        now: Timestamp,
    ) -> Result<Delivery, StoreError> {
        self.update_items(&keys_of(user, None), |mut read| {
            let (webhooks, _, writes) = begun(&mut read, (user, id), None, now)?;
            found(&webhooks, id)?.require_enabled().map_err(StoreError::refused)?;
            let to = (user.clone(), id.clone());
            let delivery = Delivery::new(to, event.0.clone(), &event.1, now);
            Ok((writes.put_versioned(None, &delivery)?, delivery))
        })
        .await
    }

    /// A page of a webhook's log, newest first (Q70).
    ///
    /// # Errors
    /// [`NotFound::Webhook`] or [`crate::InvalidCursor`].
    pub async fn deliveries(
        &self,
        (user, id): (&UserId, &WebhookId),
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<Delivery>, StoreError> {
        self.webhook(user, id).await?;
        let start = Cursor::parsed(after, WebhookEventId::parse)?;
        let start = start.map(|event| Key::delivery(user, id, &event));
        let page = self.query_desc(user, &deliveries_prefix(id), start, size).await?;
        Ok(Page::cut(page, size, |delivery: &Delivery| delivery.id.to_string()))
    }

    /// Queues a delivery again as the member asks (Q69).
    ///
    /// # Errors
    /// [`NotFound::Webhook`], [`NotFound::Delivery`], when the webhook is disabled, the delivery in
    /// progress, or the member suspended.
    pub async fn redeliver(
        &self,
        user: &UserId,
        (id, event): (&WebhookId, &WebhookEventId),
        now: Timestamp,
    ) -> Result<Delivery, StoreError> {
        let keys = [Key::account(user), Key::webhooks(user), Key::delivery(user, id, event)];
        self.update_items(&keys, |mut read| {
            let (webhooks, _, writes) = begun(&mut read, (user, id), None, now)?;
            found(&webhooks, id)?.require_enabled().map_err(StoreError::refused)?;
            let before: Option<Delivery> = read.next()?;
            let before = before.ok_or(NotFound::Delivery).map_err(StoreError::refused)?;
            let mut after = before.clone();
            after.redeliver(now).map_err(StoreError::refused)?;
            Ok((writes.replace(Some(&before), &after)?, after))
        })
        .await
    }

    /// A delivery with its webhook and its member (Q69).
    pub async fn delivery_work(&self, of: &DeliveryRef) -> Result<DeliveryWork, StoreError> {
        let DeliveryRef { user_id: user, webhook_id, event_id } = of;
        let delivery = Key::delivery(user, webhook_id, event_id);
        let keys = [Key::account(user), Key::webhooks(user), delivery];
        let mut read = self.get_all(&keys).await?;
        let account = read.next()?;
        let webhooks: Option<Webhooks> = read.next()?;
        let webhooks = webhooks.unwrap_or_else(|| Webhooks::none(user.clone()));
        Ok(DeliveryWork { account, webhooks, delivery: read.next()? })
    }

    /// Records what became of `delivery`: an attempt, or why there was none. Returns it as it is
    /// now; `None` if another writer changed it first, and nothing was written.
    pub async fn record_delivery(
        &self,
        delivery: &Delivery,
        done: &Result<Attempt, DeliveryFailure>,
        now: Timestamp,
    ) -> Result<Option<(Delivery, Option<Webhook>)>, StoreError> {
        let Delivery { user_id: user, webhook_id, id, .. } = delivery;
        let keys = [Key::webhooks(user), Key::delivery(user, webhook_id, id)];
        self.update_items(&keys, |mut read| {
            let (webhooks, stored): (Option<Webhooks>, Option<Delivery>) =
                (read.next()?, read.next()?);
            let Some(before) = stored.filter(|stored| stored.version == delivery.version) else {
                return Ok((Transaction::default(), None));
            };
            let (mut after, mut theirs) = (before.clone(), webhooks.clone());
            let webhook = theirs.as_mut().and_then(|theirs| theirs.find_mut(webhook_id));
            match done {
                Ok(attempt) => after.record(attempt.clone(), webhook, now),
                Err(why) => after.fail(*why),
            }
            let mut writes = Transaction::default().replace(Some(&before), &after)?;
            if let Some(theirs) = &theirs {
                writes = writes.replace(webhooks.as_ref(), theirs)?;
            }
            let webhook = theirs.and_then(|theirs| theirs.find(webhook_id).cloned());
            Ok((writes, Some((after, webhook))))
        })
        .await
    }

    /// The deliveries of a shard that are due, longest first: those whose next attempt is due, and
    /// those whose message is lost (Q80).
    pub async fn due_deliveries(
        &self,
        shard: u8,
        now: Timestamp,
        (after, most): (Option<&IndexPosition>, u16),
    ) -> Result<IndexPage<Delivery>, StoreError> {
        let bound = Some(due_bound(now));
        let page = self.walked(&deliveries_pk(shard), bound, (after, most), delivery_of).await?;
        self.loaded(page).await
    }

    /// Queues a delivery that is due. `false` if it is not: the index may lag behind, or a worker or
    /// the member was first.
    pub async fn queue_delivery(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if delivery.look_at().is_none_or(|look_at| now < look_at) {
            return Ok(false);
        }
        let mut after = delivery.clone();
        after.queue(now);
        let writes = Transaction::default().replace(Some(delivery), &after)?;
        Ok(self.commit(writes).await? == Committed::Yes)
    }
}

/// The keys of a member's request about webhooks: account, webhooks, and the record of its key.
fn keys_of(user: &UserId, request: Option<&Idempotency>) -> Vec<Key> {
    let record = request.map(|request| Key::idempotency(user, &request.key));
    [Key::account(user), Key::webhooks(user)].into_iter().chain(record).collect()
}

/// The webhooks of a member who has this one and must be active, whether the request is a repeat,
/// and the check that the member stays active.
fn begun(
    read: &mut BatchItems,
    (user, id): (&UserId, &WebhookId),
    request: Option<&Idempotency>,
    now: Timestamp,
) -> Result<(Webhooks, bool, Transaction), StoreError> {
    let account: Option<Account> = read.next()?;
    let webhooks: Option<Webhooks> = read.next()?;
    let webhooks = webhooks.unwrap_or_else(|| Webhooks::none(user.clone()));
    found(&webhooks, id)?;
    let update = begin_active_update(account, user, None, now)?;
    let repeated = match request {
        Some(request) => outcome(read.next()?, Some(request), now)?.is_some(),
        None => false,
    };
    Ok((webhooks, repeated, Transaction::default().account_update(update)?))
}

fn found<'a>(webhooks: &'a Webhooks, id: &WebhookId) -> Result<&'a Webhook, StoreError> {
    webhooks.find(id).ok_or_else(|| StoreError::refused(NotFound::Webhook))
}
