//! OwnerRef something at Stripe is.

use domain::{billing::external::CustomerId, id::UserId};

use crate::{SettleError, Settlement, StripeObject};

impl Settlement<'_> {
    /// The member a thing belongs to: as its metadata says, which is ours, or whose customer it is.
    /// Where the notice says neither, Stripe is asked about the thing.
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
