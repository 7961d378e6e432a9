//! The member's own view of their account.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    account::{Account, Deletion, MemberStatus, NextGrant, Role, Suspension, api_key::Scope},
    id::{ApiKeyId, CreatorId, UserId},
    plan::Plan,
};
use serde::Serialize;
use store::StoredKey;

/// A member.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct MeView {
    id: UserId,
    /// The public id of the member as a creator.
    creator_id: CreatorId,
    email: Option<String>,
    /// Required for free credits, rewards and payouts.
    email_verified: bool,
    display_name: Option<String>,
    bio: Option<String>,
    plan: Plan,
    role: Option<Role>,
    status: MemberStatus,
    /// `null` while the member is not suspended.
    suspension: Option<Suspension>,
    /// When the member requested deletion, and when it was completed.
    deletion: Option<Deletion>,
    created_at: Timestamp,
    credits: CreditsInBrief,
    generations: GenerationsInBrief,
}

/// A summary; details are at `/api/v1/billing/credits`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CreditsInBrief {
    /// `null` is unlimited within fair use.
    available: Option<u32>,
    held: u32,
    debt: u32,
    unlimited: bool,
    /// `null` while a payment is missing, or if there is none, as with an unverified address.
    next_grant: Option<NextGrant>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct GenerationsInBrief {
    open: u32,
    open_max: u32,
}

impl MeView {
    pub(crate) fn new(account: Account, role: Option<Role>, now: Timestamp) -> MeView {
        let totals = account.credits.totals();
        MeView {
            credits: CreditsInBrief {
                available: (!account.credits.is_unlimited(now)).then_some(totals.available),
                held: totals.held,
                debt: account.credits.debt,
                unlimited: account.credits.is_unlimited(now),
                next_grant: account.next_grant(now),
            },
            generations: GenerationsInBrief {
                open: account.open_jobs,
                open_max: account.concurrency_max(),
            },
            status: account.status(now),
            creator_id: CreatorId::of(&account.user_id),
            id: account.user_id,
            email_verified: account.email.is_some() && !account.email_unverified,
            email: account.email,
            display_name: account.profile.display_name,
            bio: account.profile.bio,
            plan: account.plan,
            role,
            suspension: account.standing.suspension(now),
            deletion: account.deletion,
            created_at: account.created_at,
        }
    }
}

/// An API key, without the key itself.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct KeyView {
    id: ApiKeyId,
    name: String,
    /// What it may do: `read`, `generate`, `sell`.
    scopes: BTreeSet<Scope>,
    created_at: Timestamp,
    /// When it stops working; `null` if it works until it is deleted.
    expires_at: Option<Timestamp>,
    /// When it was last used, to an hour; `null` if never.
    last_used_at: Option<Timestamp>,
}

impl From<StoredKey> for KeyView {
    fn from(StoredKey { key, last_used_at }: StoredKey) -> KeyView {
        KeyView {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            created_at: key.created_at,
            expires_at: key.ends_at,
            last_used_at,
        }
    }
}
