//! Creators' connected accounts: the platform is the merchant and liable for losses, a creator only
//! receives (<https://docs.stripe.com/connect/accounts-v2>).

use domain::{Timestamp, billing::external::ConnectedAccountId, country::Country, id::UserId};
use serde::Deserialize;
use serde_json::json;

use super::{
    Stripe, StripeError,
    read::{self, Metadata},
    transport::fresh_key,
};

/// The parts that an account response includes.
const PARTS: [&str; 2] = ["configuration.recipient", "requirements"];

/// The account of a creator to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The creator.
    pub user: UserId,
    /// Their email address.
    pub email: String,
    /// Their display name at Stripe.
    pub display_name: String,
    /// Country of residence. It cannot be changed later.
    pub country: Country,
}

/// A creator's account in its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNow {
    /// Stripe's id.
    pub id: ConnectedAccountId,
    /// Its owner, from the metadata we sent.
    pub user: Option<UserId>,
    /// Whether it can receive transfers.
    pub ready: bool,
    /// Whether it is closed.
    pub closed: bool,
    /// Information its owner must provide, in Stripe's names. A ready account may have some: they
    /// are due later, or only for its bank.
    pub requirements: Vec<String>,
}

/// A single-use URL of a Stripe page.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// The URL. It grants access to the account, so only its owner may get it.
    pub url: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Without the URL, which is as good as a password.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Stripe {
    /// Opens the account of a creator, or returns the one opened under the same key
    /// (`account:{user}`): the same user never gets two. It cannot receive transfers before its
    /// owner has completed an [`onboarding link`](Stripe::onboarding_link).
    ///
    /// The key is bound to these values: with others, Stripe refuses with `idempotency_error`.
    /// Stripe forgets the key in time, so the id must be stored.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn open_account(
        &self,
        account: &NewAccount,
        key: &str,
    ) -> Result<ConnectedAccountId, StripeError> {
        let body = json!({
            "contact_email": account.email,
            "display_name": account.display_name,
            "dashboard": "express",
            "identity": {
                "country": account.country.as_str(),
                "entity_type": "individual",
            },
            "configuration": { "recipient": { "capabilities": {
                "stripe_balance": { "stripe_transfers": { "requested": true } } } } },
            "defaults": { "responsibilities": {
                "fees_collector": "application", "losses_collector": "application" } },
            "metadata": read::about(&account.user, &[]),
            "include": PARTS,
        });
        let made: Answer =
            self.transport.act_v2("open an account", "/core/accounts", &body, key).await?;
        Ok(made.id)
    }

    /// An account in its current state.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn account(&self, id: &ConnectedAccountId) -> Result<AccountNow, StripeError> {
        let path = format!("/core/accounts/{id}");
        let found: Answer = self.transport.ask_v2("retrieve an account", &path, &PARTS).await?;
        Ok(found.read())
    }

    /// A URL where the account's owner gives Stripe the missing information; a new one each time.
    /// Stripe sends them to `refresh_url` when it was used before or has expired; that page must
    /// create a new one.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn onboarding_link(
        &self,
        id: &ConnectedAccountId,
        return_url: &str,
        refresh_url: &str,
    ) -> Result<Link, StripeError> {
        // Read from: v2.core.account_link
        #[derive(Deserialize)]
        struct Made {
            url: String,
            expires_at: String,
        }
        let body = json!({
            "account": id,
            "use_case": {
                "type": "account_onboarding",
                "account_onboarding": {
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                },
            },
        });
        let (operation, key) = ("open an onboarding link", fresh_key("account-link"));
        let made: Made =
            self.transport.act_v2(operation, "/core/account_links", &body, &key).await?;
        let expires_at = Timestamp::parse(&made.expires_at)
            .map_err(|error| StripeError::unknown(error).during(operation))?;
        Ok(Link { url: made.url, expires_at })
    }
}

/// The members of an account that we read:
/// <https://docs.stripe.com/api/v2/core/accounts/object>.
// Read from: v2.core.account
#[derive(Deserialize)]
struct Answer {
    id: ConnectedAccountId,
    #[serde(default)]
    closed: Option<bool>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    configuration: Option<Configuration>,
    #[serde(default)]
    requirements: Option<Requirements>,
}

#[derive(Deserialize)]
struct Configuration {
    recipient: Option<Recipient>,
}

#[derive(Deserialize)]
struct Recipient {
    capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
struct Capabilities {
    stripe_balance: Option<StripeBalance>,
}

#[derive(Deserialize)]
struct StripeBalance {
    stripe_transfers: Option<Capability>,
}

#[derive(Deserialize)]
struct Capability {
    status: String,
}

#[derive(Deserialize)]
struct Requirements {
    #[serde(default)]
    entries: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    description: String,
    #[serde(default)]
    awaiting_action_from: Option<String>,
}

impl Answer {
    fn read(self) -> AccountNow {
        let recipient = self.configuration.and_then(|it| it.recipient);
        let balance = recipient.and_then(|it| it.capabilities).and_then(|it| it.stripe_balance);
        let transfers = balance.and_then(|it| it.stripe_transfers);
        let closed = self.closed.unwrap_or(false);
        let entries = self.requirements.and_then(|it| it.entries).unwrap_or_default();
        // Requirements waiting for Stripe need nothing from the owner.
        let theirs =
            entries.into_iter().filter(|it| it.awaiting_action_from.as_deref() != Some("stripe"));
        AccountNow {
            id: self.id,
            user: read::user(self.metadata.as_ref()),
            ready: !closed && transfers.is_some_and(|it| it.status == "active"),
            closed,
            requirements: theirs.map(|it| it.description).collect(),
        }
    }
}
