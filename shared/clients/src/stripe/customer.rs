//! Customers: one for each member.

use domain::{billing::external::CustomerId, id::UserId};
use stripe_client_core::StripeRequest;
use stripe_core::customer::{
    CreateCustomer, RetrieveCustomer, RetrieveCustomerReturned, UpdateCustomer,
};
use stripe_shared::Customer;

use super::{Stripe, StripeError, read, transport::fresh_key};

/// A customer in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerNow {
    /// Stripe's id.
    pub id: CustomerId,
    /// Its email address.
    pub email: Option<String>,
}

impl Stripe {
    /// Creates the member's customer, or returns the one created under the same key
    /// (`customer:{user}`, or `customer:{user}:after:{deleted}` to replace a deleted one).
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_customer(
        &self,
        user: &UserId,
        email: Option<&str>,
        deleted: Option<&CustomerId>,
    ) -> Result<CustomerId, StripeError> {
        let mut request = CreateCustomer::new().metadata(read::about(user, &[]));
        if let Some(email) = email {
            request = request.email(email);
        }
        let key = match deleted {
            Some(deleted) => format!("customer:{user}:after:{deleted}"),
            None => format!("customer:{user}"),
        };
        let customer: Customer =
            self.transport.make("create a customer", &request.build(), &key).await?;
        read::id(CustomerId::parse(&customer.id))
    }

    /// A customer in its current state; `None` when it was deleted, which Stripe reports in two
    /// ways: as `deleted: true`, or as a missing object.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn customer(&self, id: &CustomerId) -> Result<Option<CustomerNow>, StripeError> {
        let request = RetrieveCustomer::new(id.as_str());
        match self.transport.ask("retrieve a customer", request.customize()).await {
            Ok(RetrieveCustomerReturned::Customer(found)) => {
                Ok(Some(CustomerNow { id: id.clone(), email: found.email }))
            }
            Ok(RetrieveCustomerReturned::DeletedCustomer(_)) | Err(StripeError::Missing) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Changes the email address of a customer.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn update_customer(&self, id: &CustomerId, email: &str) -> Result<(), StripeError> {
        let request = UpdateCustomer::new(id.as_str()).email(email);
        // A repeat is safe, and a reused key would replay an old response.
        let key = fresh_key("customer");
        self.transport.act("update a customer", request.customize(), &key).await.map(drop)
    }

    /// The member of a customer, from its metadata; `None` when it has none or was deleted.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn user_of_customer(
        &self,
        customer: &CustomerId,
    ) -> Result<Option<UserId>, StripeError> {
        let request = RetrieveCustomer::new(customer.as_str());
        match self.transport.ask("retrieve a customer", request.customize()).await? {
            RetrieveCustomerReturned::Customer(found) => Ok(read::user(found.metadata.as_ref())),
            RetrieveCustomerReturned::DeletedCustomer(_) => Ok(None),
        }
    }
}
