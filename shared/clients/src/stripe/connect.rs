//! Creators' accounts at Stripe, connected to ours: the platform is the merchant and answers for
//! losses, a creator only receives (<https://docs.stripe.com/connect/accounts-v2>).

use domain::{Timestamp, billing::external::ConnectedAccountId, id::UserId};
use serde::Deserialize;
use serde_json::json;

use super::{
    Stripe, StripeError,
    read::{self, Metadata},
    transport::fresh_key,
};

/// What an answer about an account holds beside its name.
const PARTS: [&str; 2] = ["configuration.recipient", "requirements"];

/// A creator who wants to be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Who.
    pub user: UserId,
    /// Where Stripe writes to them.
    pub email: String,
    /// What Stripe calls them.
    pub display_name: String,
    /// Where they live: an ISO 3166 code of two letters. It cannot be changed later.
    pub country: String,
}

/// A creator's account as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNow {
    /// Stripe's name for it.
    pub id: ConnectedAccountId,
    /// OwnerRef it is, from the metadata we sent.
    pub user: Option<UserId>,
    /// Whether it can be paid.
    pub ready: bool,
    /// Whether it has ended.
    pub closed: bool,
    /// What its owner has to give, as Stripe names it. An account may be ready all the same: what
    /// is missing is wanted later, or only for its bank.
    pub requirements: Vec<String>,
}

/// An address that leads to a page of Stripe's, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Where. Whoever has it can act for the account: it goes to its owner and nowhere else.
    pub url: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Without the address, which is as good as a password.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Stripe {
    /// Opens the account of a creator, or finds the one opened under the same key
    /// (`account:{user}`): the same user never gets two. It cannot be paid before its owner was
    /// behind an [`onboarding link`](Stripe::onboarding_link).
    ///
    /// The key belongs to these very values: asked for again with others, Stripe refuses with
    /// `idempotency_error`. Stripe forgets it in time, so the id must be kept.
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
                "country": account.country.to_ascii_lowercase(),
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

    /// An account as it is now.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn account(&self, id: &ConnectedAccountId) -> Result<AccountNow, StripeError> {
        let path = format!("/core/accounts/{id}");
        let found: Answer = self.transport.ask_v2("retrieve an account", &path, &PARTS).await?;
        Ok(found.read())
    }

    /// An address where the account's owner gives Stripe what is missing; another one each time.
    /// `refresh_url` is where Stripe sends them when it was used before or is too old, and must
    /// make a new one.
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
        // What waits for Stripe is nothing its owner could give.
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
