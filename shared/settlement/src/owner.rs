//! The member that a Stripe object belongs to.

use domain::{billing::external::CustomerId, id::UserId};

use crate::{SettleError, Settlement, StripeObject};

impl Settlement<'_> {
    /// Finds the member by the metadata that we set on the object, or by its customer. If the event
    /// has neither, the object is fetched from Stripe.
    pub(crate) async fn owner(
        &self,
        said: (Option<&UserId>, Option<&CustomerId>),
        thing: &StripeObject,
    ) -> Result<Option<UserId>, SettleError> {
        if let Some(user) = self.known(said).await? {
            return Ok(Some(user));
        }
        let (user, customer) = match thing {
            StripeObject::Session(id) => {
                let session = self.stripe.session(id).await?;
                (session.user, session.customer)
            }
            StripeObject::Subscription(id) => {
                let now = self.stripe.subscription(id).await?;
                (now.user, Some(now.customer))
            }
            StripeObject::Invoice(id) => {
                let now = self.stripe.invoice(id).await?;
                (now.user, Some(now.customer))
            }
            StripeObject::Payment(id) => {
                let payment = self.stripe.payment(id).await?;
                (payment.user, payment.customer)
            }
        };
        self.known((user.as_ref(), customer.as_ref())).await
    }

    async fn known(
        &self,
        (user, customer): (Option<&UserId>, Option<&CustomerId>),
    ) -> Result<Option<UserId>, SettleError> {
        if user.is_some() {
            return Ok(user.cloned());
        }
        let Some(customer) = customer else { return Ok(None) };
        match self.store.user_of_customer(customer).await? {
            Some(user) => Ok(Some(user)),
            None => Ok(self.stripe.user_of_customer(customer).await?),
        }
    }
}
