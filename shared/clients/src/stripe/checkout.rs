//! Hosted checkouts: Stripe's payment page for a plan, a pack or a listing.

use std::collections::HashMap;

use domain::{
    Timestamp,
    billing::{
        checkout::PlanCheckout,
        external::{CustomerId, PaymentId, SessionId, SubscriptionId},
        order::PackOrder,
        payment::Payment,
    },
    id::{CreatorId, OrderId, PurchaseId, UserId},
    marketplace::purchase::Purchase,
};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAutomaticTax, CreateCheckoutSessionCustomerUpdate,
    CreateCheckoutSessionCustomerUpdateAddress, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionLineItemsPriceData as PriceData,
    CreateCheckoutSessionLineItemsPriceDataTaxBehavior as TaxBehavior,
    CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionPaymentIntentDataSetupFutureUsage as SetupFutureUsage,
    CreateCheckoutSessionSubscriptionData, ExpireCheckoutSession, ProductData,
    RetrieveCheckoutSession,
};
use stripe_client_core::StripeRequest;
use stripe_shared::{CheckoutSession, CheckoutSessionMode, CheckoutSessionStatus};
use stripe_types::{Currency, Expandable};

use super::{
    Stripe, StripeError, Tax,
    read::{self, LISTING_ID, ORDER_ID, PACK, PURCHASE_ID},
    transport::fresh_key,
};

/// What a session response expands.
const EXPANDED: [&str; 1] = ["payment_intent.latest_charge.balance_transaction"];

/// Where Stripe sends the member back to. Both URLs come from our own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnUrls {
    /// After a payment; Stripe replaces `{CHECKOUT_SESSION_ID}` in it.
    pub success: String,
    /// After cancelling.
    pub cancel: String,
}

/// An open payment page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPage {
    /// Stripe's id.
    pub session: SessionId,
    /// Its URL.
    pub url: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A checkout in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Stripe's id.
    pub id: SessionId,
    /// The paying customer.
    pub customer: Option<CustomerId>,
    /// The member it was opened for.
    pub user: Option<UserId>,
    /// The order it was opened for; only a checkout of a pack has one.
    pub order: Option<OrderId>,
    /// The purchase it was opened for; only a checkout of a listing has one.
    pub purchase: Option<PurchaseId>,
    /// Its status.
    pub status: SessionStatus,
    /// Its URL, while it is open.
    pub url: Option<String>,
    /// The payment of a pack or a listing, once there is one. It may be pending while the status is
    /// complete.
    pub payment: Option<Payment>,
    /// The subscription it created.
    pub subscription: Option<SubscriptionId>,
}

/// The status of a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// It can be paid.
    Open,
    /// It was completed.
    Complete,
    /// It expired unpaid.
    Expired,
}

impl Stripe {
    /// Opens a plan's checkout, or returns the one opened under the same key
    /// (`plan-checkout:{user}:{nth}`).
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_plan_checkout(
        &self,
        user: &UserId,
        customer: &CustomerId,
        checkout: &PlanCheckout,
        urls: &ReturnUrls,
    ) -> Result<OpenedPage, StripeError> {
        let Some(lookup_key) = checkout.plan.terms().lookup_key else {
            return Err(StripeError::unreached(format!("{:?} is not sold", checkout.plan)));
        };
        let mut data = CreateCheckoutSessionSubscriptionData::new();
        data.metadata = Some(read::about(user, &[]));
        let request = self
            .page(self.on_sale(lookup_key).await?, user, customer, urls)
            .mode(CheckoutSessionMode::Subscription)
            .metadata(read::about(user, &[]))
            .subscription_data(data)
            .expires_at(checkout.expires_at.as_secs());
        self.open_page(request, &format!("plan-checkout:{user}:{}", checkout.nth)).await
    }

    /// Opens an order's checkout, or returns the one opened under the same key (`order:{order}`).
    /// The card is saved for later packs, if the member agrees.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_pack_checkout(
        &self,
        order: &PackOrder,
        customer: &CustomerId,
        urls: &ReturnUrls,
    ) -> Result<OpenedPage, StripeError> {
        let mut data = CreateCheckoutSessionPaymentIntentData::new();
        data.metadata = Some(metadata_of(order));
        data.setup_future_usage = Some(SetupFutureUsage::OffSession);
        let item = self.on_sale(order.pack.terms().lookup_key).await?;
        let request = self
            .page(item, &order.user_id, customer, urls)
            .mode(CheckoutSessionMode::Payment)
            .metadata(metadata_of(order))
            .payment_intent_data(data)
            .expires_at(order.page_closes_at().as_secs());
        self.open_page(request, &format!("order:{}", order.id)).await
    }

    /// Opens a listing's checkout, or returns the one opened under the same key
    /// (`purchase:{purchase}`). The card is not saved. The payment is in the creator's transfer
    /// group, as are the transfers that are made from it.
    ///
    /// # Errors
    /// See [`StripeError`]; refused when the price is below Stripe's minimum (50 cents).
    pub async fn open_purchase_checkout(
        &self,
        purchase: &Purchase,
        customer: &CustomerId,
        urls: &ReturnUrls,
    ) -> Result<OpenedPage, StripeError> {
        let about =
            [(PURCHASE_ID, purchase.id.as_str()), (LISTING_ID, purchase.listing_id.as_str())];
        let metadata = read::about(&purchase.buyer_id, &about);
        let mut data = CreateCheckoutSessionPaymentIntentData::new();
        data.metadata = Some(metadata.clone());
        data.transfer_group = Some(CreatorId::of(&purchase.creator_id).to_string());
        let request = self
            .page(for_sale_once(purchase), &purchase.buyer_id, customer, urls)
            .mode(CheckoutSessionMode::Payment)
            .metadata(metadata)
            .payment_intent_data(data)
            .expires_at(purchase.page_closes_at().as_secs());
        self.open_page(request, &format!("purchase:{}", purchase.id)).await
    }

    /// A checkout in its current state.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn session(&self, session: &SessionId) -> Result<Session, StripeError> {
        let request =
            RetrieveCheckoutSession::new(session.as_str()).expand(EXPANDED.map(String::from));
        let found = self.transport.ask("retrieve a checkout", request.customize()).await?;
        self.session_of(found).await
    }

    /// Expires a checkout and returns its state. One that is complete or expired is unchanged.
    ///
    /// # Errors
    /// See [`StripeError`]; refused while a payment on the page is in progress.
    pub async fn expire_session(&self, session: &SessionId) -> Result<Session, StripeError> {
        let request =
            ExpireCheckoutSession::new(session.as_str()).expand(EXPANDED.map(String::from));
        // A repeat is safe, and a reused key would only replay an old refusal.
        let key = fresh_key("expire");
        match self.transport.act("expire a checkout", request.customize(), &key).await {
            Ok(expired) => self.session_of(expired).await,
            Err(refused @ StripeError::Refused { .. }) => {
                let now = self.session(session).await?;
                match now.status {
                    SessionStatus::Complete | SessionStatus::Expired => Ok(now),
                    SessionStatus::Open => Err(refused),
                }
            }
            Err(
                error @ (StripeError::Missing
                | StripeError::Unreached { .. }
                | StripeError::Unknown { .. }),
            ) => Err(error),
        }
    }

    /// One unit of the price with this lookup key.
    async fn on_sale(
        &self,
        lookup_key: &str,
    ) -> Result<CreateCheckoutSessionLineItems, StripeError> {
        let prices = self.catalogue.prices(&self.transport).await?;
        let mut item = one();
        item.price = Some(prices.id_of(lookup_key)?);
        Ok(item)
    }

    /// The common parameters of all checkouts.
    fn page(
        &self,
        item: CreateCheckoutSessionLineItems,
        user: &UserId,
        customer: &CustomerId,
        urls: &ReturnUrls,
    ) -> CreateCheckoutSession {
        let request = CreateCheckoutSession::new()
            .customer(customer.as_str())
            .client_reference_id(user.as_str())
            .line_items(vec![item])
            .success_url(urls.success.as_str())
            .cancel_url(urls.cancel.as_str());
        match self.tax {
            Tax::None => request,
            Tax::Automatic => {
                // Tax needs an address, and the page may ask for one only if it may also save it.
                let mut keep = CreateCheckoutSessionCustomerUpdate::new();
                keep.address = Some(CreateCheckoutSessionCustomerUpdateAddress::Auto);
                let tax = CreateCheckoutSessionAutomaticTax::new(true);
                request.automatic_tax(tax).customer_update(keep)
            }
        }
    }

    async fn open_page(
        &self,
        request: CreateCheckoutSession,
        key: &str,
    ) -> Result<OpenedPage, StripeError> {
        let opened: Result<CheckoutSession, StripeError> =
            self.transport.make("open a checkout", &request.build(), key).await;
        if matches!(opened, Err(StripeError::Refused { .. })) {
            self.catalogue.forget().await;
        }
        let opened = opened?;
        let url = opened.url.ok_or_else(|| StripeError::unknown("open a checkout: it has no URL"));
        Ok(OpenedPage {
            session: read::id(SessionId::parse(&opened.id))?,
            url: url?,
            expires_at: read::time(opened.expires_at),
        })
    }

    async fn session_of(&self, found: CheckoutSession) -> Result<Session, StripeError> {
        let payment = match found.payment_intent {
            Some(Expandable::Object(intent)) => Some(self.payment_of(*intent).await?),
            Some(Expandable::Id(id)) => {
                Some(self.payment(&read::id(PaymentId::parse(&id))?).await?)
            }
            None => None,
        };
        let subscription = found.subscription.as_ref().map(|it| SubscriptionId::parse(it.id()));
        let customer = found.customer.as_ref().map(|it| CustomerId::parse(it.id()));
        let reference = || UserId::parse(found.client_reference_id.as_deref()?).ok();
        Ok(Session {
            id: read::id(SessionId::parse(&found.id))?,
            customer: customer.map(read::id).transpose()?,
            user: read::user(found.metadata.as_ref()).or_else(reference),
            order: read::order(found.metadata.as_ref()),
            purchase: read::purchase(found.metadata.as_ref()),
            status: status_of(found.status.as_ref()),
            url: found.url,
            payment,
            subscription: subscription.map(read::id).transpose()?,
        })
    }
}

/// The metadata of everything created for an order.
pub(super) fn metadata_of(order: &PackOrder) -> HashMap<String, String> {
    let about = [(ORDER_ID, order.id.as_str()), (PACK, order.pack.terms().lookup_key)];
    read::about(&order.user_id, &about)
}

/// A listing, which has no price in the catalogue: at its price when the purchase was created,
/// before tax like everything we sell.
fn for_sale_once(purchase: &Purchase) -> CreateCheckoutSessionLineItems {
    let mut product = ProductData::new(&purchase.title);
    product.metadata = Some([(LISTING_ID.to_owned(), purchase.listing_id.to_string())].into());
    let Ok(currency) = purchase.price.currency.as_str().parse::<Currency>();
    let mut price = PriceData::new(currency);
    price.unit_amount = Some(purchase.price.amount);
    price.tax_behavior = Some(TaxBehavior::Exclusive);
    price.product_data = Some(product);
    let mut item = one();
    item.price_data = Some(price);
    item
}

fn one() -> CreateCheckoutSessionLineItems {
    let mut item = CreateCheckoutSessionLineItems::new();
    item.quantity = Some(1);
    item
}

/// An unknown status counts as not ended.
fn status_of(status: Option<&CheckoutSessionStatus>) -> SessionStatus {
    match status {
        Some(CheckoutSessionStatus::Complete) => SessionStatus::Complete,
        Some(CheckoutSessionStatus::Expired) => SessionStatus::Expired,
        Some(CheckoutSessionStatus::Open | CheckoutSessionStatus::Unknown(_) | _) | None => {
            SessionStatus::Open
        }
    }
}
