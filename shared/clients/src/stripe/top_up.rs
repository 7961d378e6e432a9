//! Off-session charges of a saved card.
//!
//! Money may move here with no one watching, so the payment of an order is looked up before it is
//! charged: Stripe forgets a key after a day, but not the payment. However the request ends, its
//! outcome is looked up by the order id in the payment's metadata. If Stripe replays a failure that
//! left no payment, the card is charged under the next key.

use domain::{
    billing::{external::CustomerId, order::PackOrder, payment::Payment},
    time::DAY,
};
use serde::Serialize;
use stripe_billing::subscription::ListSubscription;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};
use stripe_core::customer::{
    ListPaymentMethodsCustomer, ListPaymentMethodsCustomerType, RetrieveCustomer,
    RetrieveCustomerReturned,
};
use stripe_shared::PaymentIntent;
use stripe_types::{List, RangeQueryTs};

use super::{
    PAGE_SIZE, Stripe, StripeError,
    checkout::metadata_of,
    payment,
    read::{self, Metadata},
};

/// Most pages of a customer's payments that are read. One that is not found would be charged again.
const PAGES_MAX: usize = 20;

/// The outcome of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one value per charge, read at once")]
pub enum Charged {
    /// There is a payment, succeeded or failed.
    Settled(Payment),
    /// Nothing was charged: the member has no saved card.
    NoPaymentMethod,
}

#[derive(Serialize)]
struct Intent<'a> {
    amount: u32,
    currency: &'a str,
    customer: &'a str,
    payment_method: &'a str,
    off_session: &'a str,
    confirm: &'a str,
    description: &'a str,
    metadata: Metadata,
    automatic_payment_methods: WithoutRedirects<'a>,
    expand: [&'a str; 1],
}

/// No one is present to be redirected.
#[derive(Serialize)]
struct WithoutRedirects<'a> {
    enabled: &'a str,
    allow_redirects: &'a str,
}

impl Stripe {
    /// Charges the member's saved card for an order, once (`top-up:{order}`): their default card,
    /// else their subscription's, else the first they saved.
    ///
    /// A declined card, or one that needs authentication, is a settled payment that failed, with
    /// the code.
    ///
    /// # Errors
    /// See [`StripeError`]. After [`StripeError::Unknown`] call it again: it looks the payment up
    /// first.
    pub async fn charge_saved_card(
        &self,
        order: &PackOrder,
        customer: &CustomerId,
    ) -> Result<Charged, StripeError> {
        if let Some(payment) = self.payment_of_order(order, customer).await? {
            return Ok(Charged::Settled(payment));
        }
        let Some(card) = self.saved_card(customer).await? else {
            return Ok(Charged::NoPaymentMethod);
        };
        let error = match self.charge(order, customer, &card).await {
            Ok(payment) => return Ok(Charged::Settled(payment)),
            Err(error) => error,
        };
        if !may_have_left_a_payment(&error) {
            return Err(error);
        }
        let found = self.payment_of_order(order, customer).await?;
        found.map(Charged::Settled).ok_or(error)
    }

    /// Whether the member has a saved card to charge.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn has_saved_card(&self, customer: &CustomerId) -> Result<bool, StripeError> {
        Ok(self.saved_card(customer).await?.is_some())
    }

    async fn charge(
        &self,
        order: &PackOrder,
        customer: &CustomerId,
        card: &str,
    ) -> Result<Payment, StripeError> {
        let pack = order.sold();
        let request = RequestBuilder::new(StripeMethod::Post, "/payment_intents").form(&Intent {
            amount: pack.price_cents,
            currency: "usd",
            customer: customer.as_str(),
            payment_method: card,
            off_session: "true",
            confirm: "true",
            description: &pack.name,
            metadata: metadata_of(order),
            automatic_payment_methods: WithoutRedirects {
                enabled: "true",
                allow_redirects: "never",
            },
            expand: [payment::EXPANDED],
        });
        let key = format!("top-up:{}", order.id);
        let find = async || self.payment_of_order(order, customer).await;
        let read = async |made: PaymentIntent| self.payment_of(made).await;
        self.transport.once("charge a saved card", (&request, &key), find, read).await
    }

    /// The payment created for an order, if any, from a day before the order on: clocks differ by
    /// less.
    async fn payment_of_order(
        &self,
        order: &PackOrder,
        customer: &CustomerId,
    ) -> Result<Option<Payment>, StripeError> {
        #[derive(Serialize)]
        struct Wanted<'a> {
            customer: &'a str,
            created: RangeQueryTs,
            limit: i64,
            expand: [&'a str; 1],
            #[serde(skip_serializing_if = "Option::is_none")]
            starting_after: Option<String>,
        }
        let mut wanted = Wanted {
            customer: customer.as_str(),
            created: RangeQueryTs::gte(order.created_at.minus(DAY).as_secs()),
            limit: PAGE_SIZE,
            expand: ["data.latest_charge.balance_transaction"],
            starting_after: None,
        };
        let theirs = |intent: &PaymentIntent| {
            read::order(Some(&intent.metadata)).as_ref() == Some(&order.id)
        };
        for _ in 0..PAGES_MAX {
            let request = RequestBuilder::new(StripeMethod::Get, "/payment_intents").query(&wanted);
            let found: List<PaymentIntent> =
                self.transport.ask("list payments", request.customize()).await?;
            wanted.starting_after = found.data.last().map(|last| last.id.to_string());
            if let Some(intent) = found.data.into_iter().find(theirs) {
                return Ok(Some(self.payment_of(intent).await?));
            }
            if !found.has_more {
                return Ok(None);
            }
        }
        Err(StripeError::unreached(format!("{customer} has more payments than the page limit")))
    }

    async fn saved_card(&self, customer: &CustomerId) -> Result<Option<String>, StripeError> {
        let request = RetrieveCustomer::new(customer.as_str());
        // A customer deleted at Stripe has no card there; the next checkout creates a new one.
        let found = match self.transport.ask("retrieve a customer", request.customize()).await {
            Ok(RetrieveCustomerReturned::Customer(found)) => found,
            Ok(RetrieveCustomerReturned::DeletedCustomer(_)) | Err(StripeError::Missing) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let settings = found.invoice_settings;
        if let Some(default) = settings.and_then(|settings| settings.default_payment_method) {
            return Ok(Some(default.id().to_string()));
        }
        // Without a status filter it lists those that have not ended.
        let request = ListSubscription::new().customer(customer.as_str()).limit(PAGE_SIZE);
        let live = self.transport.ask("list subscriptions", request.customize()).await?;
        let theirs = live.data.into_iter().find_map(|it| it.default_payment_method);
        if let Some(theirs) = theirs {
            return Ok(Some(theirs.id().to_string()));
        }
        let request = ListPaymentMethodsCustomer::new(customer.as_str())
            .type_(ListPaymentMethodsCustomerType::Card)
            .limit(PAGE_SIZE);
        let saved = self.transport.ask("list saved cards", request.customize()).await?;
        // The newest comes first.
        Ok(saved.data.last().map(|card| card.id.to_string()))
    }
}

/// A declined card (402) leaves a failed payment. So may a request without a response, or one made
/// before with another card (400 `idempotency_error`).
fn may_have_left_a_payment(error: &StripeError) -> bool {
    match error {
        StripeError::Unknown { .. } => true,
        StripeError::Refused { status, .. } => {
            *status == 402 || error.is_refused_as("idempotency_error")
        }
        StripeError::Missing | StripeError::Unreached { .. } => false,
    }
}
