//! The customer portal: Stripe's page where a member changes their subscription and card.

use domain::billing::external::CustomerId;
use stripe_billing::billing_portal_session::CreateBillingPortalSession;
use stripe_client_core::StripeRequest;

use super::{Stripe, StripeError, transport::fresh_key};

impl Stripe {
    /// Opens the portal for a customer and returns its URL, which is valid for a few minutes.
    /// `return_url` is where its back link leads.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_portal(
        &self,
        customer: &CustomerId,
        return_url: &str,
    ) -> Result<String, StripeError> {
        let mut request =
            CreateBillingPortalSession::new().customer(customer.as_str()).return_url(return_url);
        if let Some(configuration) = self.portal.configuration(&self.transport).await? {
            request = request.configuration(configuration);
        }
        // Each visit needs a new page: a reused key would return an expired one.
        let key = fresh_key("portal");
        let opened = self.transport.act("open the portal", request.customize(), &key).await?;
        Ok(opened.url)
    }
}
