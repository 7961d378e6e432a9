//! Customers: one for each member, and whose one is.

use domain::{billing::external::CustomerId, id::UserId};
use stripe_client_core::StripeRequest;
use stripe_core::customer::{CreateCustomer, RetrieveCustomer, RetrieveCustomerReturned};
use stripe_shared::Customer;

use super::{Stripe, StripeError, read};

impl Stripe {
    /// Makes the member's customer, or finds the one made before under the same key
    /// (`customer:{user}`).
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_customer(
        &self,
        user: &UserId,
        email: Option<&str>,
    ) -> Result<CustomerId, StripeError> {
        let mut request = CreateCustomer::new().metadata(read::about(user, &[]));
        if let Some(email) = email {
            request = request.email(email);
        }
        let key = format!("customer:{user}");
        let customer: Customer =
            self.transport.make("create a customer", &request.build(), &key).await?;
        read::id(CustomerId::parse(&customer.id))
    }

    /// Whose a customer is, from its metadata; `None` when it is nobody's or was deleted.
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
