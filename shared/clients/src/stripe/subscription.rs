//! Subscriptions: how one is now, and the few things we ask Stripe to do with it.

use domain::{
    billing::{
        external::{CustomerId, StripeInvoiceId, SubscriptionId},
        subscription::{Subscription, SubscriptionStatus},
    },
    id::UserId,
    plan::Plan,
    time::Period,
};
use serde::Serialize;
use stripe_billing::subscription::{
    CancelSubscription, ListSubscription, ListSubscriptionStatus, RetrieveSubscription,
    UpdateSubscription,
};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_shared::{Subscription as Answer, SubscriptionItem, SubscriptionStatus as AnswerStatus};

use super::{PAGE_SIZE, Stripe, StripeError, StripePage, catalogue::Prices, read};

/// A subscription as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionNow {
    /// Stripe's name for it.
    pub id: SubscriptionId,
    /// Who pays.
    pub customer: CustomerId,
    /// Whose it is, from the metadata we sent.
    pub user: Option<UserId>,
    /// What it is; `None` when it is to none of our plans.
    pub subscription: Option<Subscription>,
    /// Its latest invoice.
    pub latest_invoice: Option<StripeInvoiceId>,
}

/// Whether a subscription goes on after its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It ends with the period.
    Stops,
    /// It goes on.
    GoesOn,
}

impl Stripe {
    /// A subscription as it is now.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscription(&self, id: &SubscriptionId) -> Result<SubscriptionNow, StripeError> {
        let request = RetrieveSubscription::new(id.as_str());
        let found = self.transport.ask("retrieve a subscription", request.customize()).await?;
        self.now(&found).await
    }

    /// Has a subscription end with its period, or go on after all. `key` names the wish: the same
    /// key is the same request, so a later change of mind needs another.
    ///
    /// # Errors
    /// See [`StripeError`]; refused when it is over.
    pub async fn set_renewal(
        &self,
        id: &SubscriptionId,
        renewal: Renewal,
        key: &str,
    ) -> Result<SubscriptionNow, StripeError> {
        let request = UpdateSubscription::new(id.as_str())
            .cancel_at_period_end(matches!(renewal, Renewal::Stops));
        let operation = "change a subscription's renewal";
        let mut changed = self.transport.act(operation, request.customize(), key).await?;
        if renewal == Renewal::GoesOn && changed.cancel_at.is_some() {
            // The portal stops a subscription by a date, which the wish above leaves standing.
            let request = RequestBuilder::new(StripeMethod::Post, format!("/subscriptions/{id}"))
                .form(&NoEnd { cancel_at: "" });
            let key = format!("{key}:date");
            changed = self.transport.act(operation, request.customize(), &key).await?;
        }
        self.now(&changed).await
    }

    /// Ends a subscription at once, without paying anything back. One that is over already is left
    /// as it is.
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

    /// Every subscription there is or was, newest first, a page at a time: those `after` one.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn subscriptions(
        &self,
        after: Option<&SubscriptionId>,
    ) -> Result<StripePage<SubscriptionNow>, StripeError> {
        let mut request =
            ListSubscription::new().status(ListSubscriptionStatus::All).limit(PAGE_SIZE);
        if let Some(after) = after {
            request = request.starting_after(after.as_str());
        }
        let page = self.transport.ask("list subscriptions", request.customize()).await?;
        let mut items = Vec::with_capacity(page.data.len());
        for found in &page.data {
            items.push(self.now(found).await?);
        }
        Ok(StripePage { items, more: page.has_more })
    }

    async fn now(&self, found: &Answer) -> Result<SubscriptionNow, StripeError> {
        let prices = self.catalogue.prices(&self.transport).await?;
        let latest = found.latest_invoice.as_ref().and_then(|invoice| invoice.id().as_ref());
        let latest = latest.map(|id| read::id(StripeInvoiceId::parse(id)));
        let item = found.items.data.iter().find_map(|item| Some((item, plan_of(item, &prices)?)));
        Ok(SubscriptionNow {
            id: read::id(SubscriptionId::parse(&found.id))?,
            customer: read::id(CustomerId::parse(found.customer.id()))?,
            user: read::user(Some(&found.metadata)),
            subscription: item.map(|(item, plan)| reading(found, item, plan)).transpose()?,
            latest_invoice: latest.transpose()?,
        })
    }
}

#[derive(Serialize)]
struct NoEnd {
    cancel_at: &'static str,
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
) -> Result<Subscription, StripeError> {
    let period = Period {
        starts_at: read::time(item.current_period_start),
        ends_at: read::time(item.current_period_end),
    };
    // Under flexible billing the portal sets the date alone, not the flag:
    // https://docs.stripe.com/billing/subscriptions/billing-mode/compare
    let ends_by_date = found.cancel_at.is_some_and(|end| read::time(end) <= period.ends_at);
    Ok(Subscription {
        id: read::id(SubscriptionId::parse(&found.id))?,
        plan,
        status: status_of(&found.status),
        period,
        cancel_at_period_end: found.cancel_at_period_end || ends_by_date,
        created_at: read::time(found.created),
        ended_at: found.ended_at.map(read::time),
    })
}

/// A status that we do not know counts as past due: nobody loses what they paid for, nobody gets
/// more than that, and nobody subscribes a second time beside it.
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
