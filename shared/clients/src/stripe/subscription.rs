//! Subscriptions: their current state, and the changes we make to them.

use domain::{
    billing::{
        external::{CustomerId, StripeInvoiceId, SubscriptionId},
        subscription::{
            Discount, Every, ScheduledChange, Subscription, SubscriptionStatus, monthly_cents,
        },
    },
    id::UserId,
    plan::Plan,
    time::Period,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use stripe_billing::{
    subscription::{
        CancelSubscription, ListSubscription, ListSubscriptionStatus, RetrieveSubscription,
        UpdateSubscription,
    },
    subscription_item::RetrieveSubscriptionItem,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_shared::{
    CouponDuration, Discount as DiscountAnswer, RecurringInterval, Subscription as Answer,
    SubscriptionItem, SubscriptionStatus as AnswerStatus,
};
use stripe_types::Expandable;

use super::{
    PAGE_SIZE, Stripe, StripeError, StripePage, catalogue::Prices, read, transport::fresh_key,
};

/// What to expand for a subscription or an item, because its monthly value depends on it. An item's
/// own discounts cannot be expanded with the subscription: Stripe expands at most four levels.
const COUPONS: &str = "discounts.source.coupon";
/// The same, for a page of them.
const COUPONS_OF_A_PAGE: &str = "data.discounts.source.coupon";

/// A subscription in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionNow {
    /// Stripe's id.
    pub id: SubscriptionId,
    /// The paying customer.
    pub customer: CustomerId,
    /// The member, from the metadata we sent.
    pub user: Option<UserId>,
    /// The subscription; `None` when it is to none of our plans.
    pub subscription: Option<Subscription>,
    /// Its latest invoice.
    pub latest_invoice: Option<StripeInvoiceId>,
}

/// A subscription from Stripe's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSubscription {
    /// Stripe's id.
    pub id: SubscriptionId,
    /// Its current state, or why it cannot be read.
    pub now: Result<SubscriptionNow, StripeError>,
}

/// Whether a subscription renews after its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It ends with the period.
    Stops,
    /// It renews.
    GoesOn,
}

impl Stripe {
    /// A subscription in its current state.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscription(&self, id: &SubscriptionId) -> Result<SubscriptionNow, StripeError> {
        let request = RetrieveSubscription::new(id.as_str()).expand([COUPONS.to_owned()]);
        let found = self.transport.ask("retrieve a subscription", request.customize()).await?;
        self.now(&found).await
    }

    /// Lets a subscription end with its period, or renew after all. `key` is the idempotency key: a
    /// later change needs another one.
    ///
    /// A downgrade that the portal scheduled for the end of the period puts the subscription under
    /// a schedule, and Stripe refuses (400) to change its end: the schedule is released first.
    /// <https://docs.stripe.com/billing/subscriptions/subscription-schedules>
    ///
    /// # Errors
    /// See [`StripeError`]; refused when it has ended.
    pub async fn set_renewal(
        &self,
        id: &SubscriptionId,
        renewal: Renewal,
        key: &str,
    ) -> Result<SubscriptionNow, StripeError> {
        match self.change_renewal(id, renewal, key).await {
            Err(StripeError::Refused { status: 400, .. }) => {}
            done => return done,
        }
        let request = RetrieveSubscription::new(id.as_str()).expand([COUPONS.to_owned()]);
        let found = self.transport.ask("retrieve a subscription", request.customize()).await?;
        if let Some(schedule) = &found.schedule {
            let goes_on = !found.cancel_at_period_end && found.cancel_at.is_none();
            if renewal == Renewal::GoesOn && goes_on {
                return self.now(&found).await;
            }
            self.release(schedule.id().as_str()).await?;
        }
        // Stripe may replay its refusal under the first key, even once the schedule is released.
        self.change_renewal(id, renewal, &format!("{key}:released")).await
    }

    /// Releases a subscription from its schedule. Where Stripe refuses because it is released
    /// already, the caller's next request returns the current state.
    pub(super) async fn release(&self, schedule: &str) -> Result<(), StripeError> {
        let path = format!("/subscription_schedules/{schedule}/release");
        let request = RequestBuilder::new(StripeMethod::Post, path);
        let (operation, key) = ("release a subscription's schedule", fresh_key("release"));
        match self.transport.json::<Value>(operation, &request, Some(&key)).await {
            Ok(_) | Err(StripeError::Refused { .. } | StripeError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn change_renewal(
        &self,
        id: &SubscriptionId,
        renewal: Renewal,
        key: &str,
    ) -> Result<SubscriptionNow, StripeError> {
        let request = UpdateSubscription::new(id.as_str())
            .expand([COUPONS.to_owned()])
            .cancel_at_period_end(matches!(renewal, Renewal::Stops));
        let operation = "change a subscription's renewal";
        let mut changed: stripe_shared::Subscription =
            self.transport.make(operation, &request.build(), key).await?;
        if renewal == Renewal::GoesOn && changed.cancel_at.is_some() {
            // The portal ends a subscription by a date, which the flag above does not reset.
            let request = RequestBuilder::new(StripeMethod::Post, format!("/subscriptions/{id}"))
                .form(&NoEnd { cancel_at: "", expand: [COUPONS] });
            let key = format!("{key}:date");
            changed = self.transport.make(operation, &request, &key).await?;
        }
        self.now(&changed).await
    }

    /// Cancels a subscription immediately, without a refund. One that has ended is unchanged.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn cancel_now(&self, id: &SubscriptionId) -> Result<(), StripeError> {
        let request = CancelSubscription::new(id.as_str());
        match self.transport.ask("cancel a subscription", request.customize()).await {
            Ok(_) => Ok(()),
            Err(error @ (StripeError::Refused { .. } | StripeError::Missing)) => {
                let request = RetrieveSubscription::new(id.as_str());
                let operation = "retrieve a subscription";
                let found = self.transport.ask(operation, request.customize()).await?;
                if status_of(&found.status).is_over() { Ok(()) } else { Err(error) }
            }
            Err(error @ (StripeError::Unreached { .. } | StripeError::Unknown { .. })) => {
                Err(error)
            }
        }
    }

    /// All subscriptions ever, newest first, a page at a time: those `after` one. Each is parsed
    /// separately, so that an unreadable one does not hide the others.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscriptions(
        &self,
        after: Option<&SubscriptionId>,
    ) -> Result<StripePage<ListedSubscription>, StripeError> {
        // Read from: list
        #[derive(Deserialize)]
        struct Found {
            data: Vec<Box<RawValue>>,
            has_more: bool,
        }
        let mut request =
            ListSubscription::new().status(ListSubscriptionStatus::All).limit(PAGE_SIZE);
        request = request.expand([COUPONS_OF_A_PAGE.to_owned()]);
        if let Some(after) = after {
            request = request.starting_after(after.as_str());
        }
        let found: Found =
            self.transport.json("list subscriptions", &request.build(), None).await?;
        let mut items = Vec::with_capacity(found.data.len());
        for one in &found.data {
            items.push(self.listed(one.get()).await?);
        }
        Ok(StripePage { items, more: found.has_more })
    }

    async fn listed(&self, json: &str) -> Result<ListedSubscription, StripeError> {
        // Read from: subscription
        #[derive(Deserialize)]
        struct Named {
            id: SubscriptionId,
        }
        let Named { id } = serde_json::from_str(json).map_err(StripeError::unknown)?;
        let now = match miniserde::json::from_str::<Answer>(json) {
            Ok(found) => self.now(&found).await,
            Err(error) => Err(StripeError::unknown(format!("{id} cannot be read: {error}"))),
        };
        Ok(ListedSubscription { id, now })
    }

    async fn now(&self, found: &Answer) -> Result<SubscriptionNow, StripeError> {
        let prices = self.catalogue.prices(&self.transport).await?;
        let latest = found.latest_invoice.as_ref().and_then(|invoice| invoice.id().as_ref());
        let latest = latest.map(|id| read::id(StripeInvoiceId::parse(id)));
        let item = found.items.data.iter().find_map(|item| Some((item, plan_of(item, &prices)?)));
        let subscription = match item {
            Some((item, plan)) => {
                let own = self.own_discounts(found, item).await?;
                let scheduled = self.scheduled(found, item, plan, &prices).await?;
                Some(Subscription { scheduled, ..reading(found, item, plan, &own)? })
            }
            None => None,
        };
        Ok(SubscriptionNow {
            id: read::id(SubscriptionId::parse(&found.id))?,
            customer: read::id(CustomerId::parse(found.customer.id()))?,
            user: read::user(Some(&found.metadata)),
            subscription,
            latest_invoice: latest.transpose()?,
        })
    }

    /// The change of plan at the end of the period, if the portal scheduled one: one more request.
    /// A schedule that is gone meanwhile changes nothing; the event of that will follow.
    async fn scheduled(
        &self,
        found: &Answer,
        item: &SubscriptionItem,
        plan: Plan,
        prices: &Prices,
    ) -> Result<Option<ScheduledChange>, StripeError> {
        // Read from: subscription_schedule
        #[derive(Deserialize)]
        struct Schedule {
            phases: Vec<Phase>,
        }
        #[derive(Deserialize)]
        struct Phase {
            start_date: i64,
            items: Vec<PhaseItem>,
        }
        #[derive(Deserialize)]
        struct PhaseItem {
            price: String,
        }
        let live = !status_of(&found.status).is_over();
        let Some(schedule) = found.schedule.as_ref().filter(|_| live) else { return Ok(None) };
        let path = format!("/subscription_schedules/{}", schedule.id());
        let request = RequestBuilder::new(StripeMethod::Get, path);
        let operation = "retrieve a subscription's schedule";
        let schedule: Schedule = match self.transport.json(operation, &request, None).await {
            Ok(schedule) => schedule,
            Err(StripeError::Missing) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut later =
            schedule.phases.iter().filter(|it| it.start_date > item.current_period_start);
        let change = later.find_map(|phase| {
            let plan = phase.items.iter().find_map(|item| prices.plan_at(&item.price))?;
            Some(ScheduledChange { plan, at: read::time(phase.start_date) })
        });
        Ok(change.filter(|change| change.plan != plan))
    }

    /// The discounts of an item alone: one more request, if there are any. An item that was
    /// replaced meanwhile has none; the event of that change will follow.
    async fn own_discounts(
        &self,
        found: &Answer,
        item: &SubscriptionItem,
    ) -> Result<Vec<Expandable<DiscountAnswer>>, StripeError> {
        if item.discounts.is_empty() || status_of(&found.status).is_over() {
            return Ok(Vec::new());
        }
        let request = RetrieveSubscriptionItem::new(item.id.clone()).expand([COUPONS.to_owned()]);
        match self.transport.ask("retrieve a subscription's item", request.customize()).await {
            Ok(item) => Ok(item.discounts),
            Err(StripeError::Missing) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

#[derive(Serialize)]
struct NoEnd {
    cancel_at: &'static str,
    expand: [&'static str; 1],
}

/// The plan of an item: by the lookup key of its price, or by its product when the price was
/// replaced since.
fn plan_of(item: &SubscriptionItem, prices: &Prices) -> Option<Plan> {
    let by_key = item.price.lookup_key.as_deref().and_then(Plan::of_lookup_key);
    by_key.or_else(|| prices.plan_of(item.price.product.id()))
}

fn reading(
    found: &Answer,
    item: &SubscriptionItem,
    plan: Plan,
    own: &[Expandable<DiscountAnswer>],
) -> Result<Subscription, StripeError> {
    let period = Period {
        starts_at: read::time(item.current_period_start),
        ends_at: read::time(item.current_period_end),
    };
    // Under flexible billing the portal sets only the date, not the flag:
    // https://docs.stripe.com/billing/subscriptions/billing-mode/compare
    let ends_by_date = found.cancel_at.is_some_and(|end| read::time(end) <= period.ends_at);
    Ok(Subscription {
        id: read::id(SubscriptionId::parse(&found.id))?,
        plan,
        status: status_of(&found.status),
        period,
        monthly_cents: worth(item, &lasting(own.iter().chain(&found.discounts), period)),
        cancel_at_period_end: found.cancel_at_period_end || ends_by_date,
        scheduled: None,
        created_at: read::time(found.created),
        ended_at: found.ended_at.map(read::time),
    })
}

/// Its monthly value. Our prices exclude tax, and an unknown price counts as zero.
fn worth(item: &SubscriptionItem, discounts: &[Discount]) -> i64 {
    let (Some(unit), Some(recurring)) = (item.price.unit_amount, &item.price.recurring) else {
        return 0;
    };
    let quantity = i64::try_from(item.quantity.unwrap_or(1)).unwrap_or(i64::MAX);
    let times = |each: u32| {
        each.saturating_mul(u32::try_from(recurring.interval_count).unwrap_or(u32::MAX))
    };
    let every = match recurring.interval {
        RecurringInterval::Day => Every::Days(times(1)),
        RecurringInterval::Week => Every::Days(times(7)),
        RecurringInterval::Year => Every::Months(times(12)),
        RecurringInterval::Month | RecurringInterval::Unknown(_) | _ => Every::Months(times(1)),
    };
    monthly_cents(unit.saturating_mul(quantity), every, discounts)
}

/// The recurring discounts, in order: not those of one payment, nor those that ended before the
/// period began.
fn lasting<'a>(
    discounts: impl Iterator<Item = &'a Expandable<DiscountAnswer>>,
    period: Period,
) -> Vec<Discount> {
    let in_force = discounts
        .filter_map(|it| it.as_object())
        .filter(|discount| discount.end.is_none_or(|end| period.starts_at < read::time(end)));
    let coupons = in_force.filter_map(|it| it.source.coupon.as_ref()?.as_object());
    let lasting = coupons.filter(|coupon| {
        matches!(coupon.duration, CouponDuration::Forever | CouponDuration::Repeating)
    });
    lasting
        .filter_map(|coupon| match (coupon.percent_off, coupon.amount_off) {
            (Some(percent), _) => Some(Discount::BasisPoints(basis_points(percent))),
            (None, Some(cents)) => Some(Discount::Cents(cents)),
            (None, None) => None,
        })
        .collect()
}

/// Stripe's percents have at most two decimal places.
fn basis_points(percent: f64) -> i64 {
    format!("{:.0}", percent * 100.0).parse().unwrap_or(0)
}

/// An unknown status counts as past due: the member keeps what they paid for, gets nothing more,
/// and cannot subscribe a second time.
fn status_of(status: &AnswerStatus) -> SubscriptionStatus {
    match status {
        AnswerStatus::Active => SubscriptionStatus::Active,
        AnswerStatus::Canceled => SubscriptionStatus::Canceled,
        AnswerStatus::Incomplete => SubscriptionStatus::Incomplete,
        AnswerStatus::IncompleteExpired => SubscriptionStatus::IncompleteExpired,
        AnswerStatus::Paused => SubscriptionStatus::Paused,
        AnswerStatus::Trialing => SubscriptionStatus::Trialing,
        AnswerStatus::Unpaid => SubscriptionStatus::Unpaid,
        AnswerStatus::PastDue | AnswerStatus::Unknown(_) | _ => SubscriptionStatus::PastDue,
    }
}
