//! A member's account: identity, plan, status and credits.
//!
//! An account changes only through an [`AccountUpdate`]. Starting one brings the account up to date
//! (expired credits, the plan's monthly grant); the caller then applies its change, and the update
//! ends as an [`AccountChange`]. The store commits it in one transaction with its ledger entries,
//! on the condition that the account's version is the one that was read. The same condition makes a
//! ban take effect within one request.
//!
//! A paid plan is granted by its invoices, never by the clock, but it ends by the clock: at the end
//! of its period plus seven days of grace while the next payment is missing. So a plan ends even if
//! Stripe never reports its end.

pub mod api_key;
pub mod interest;
mod limits;
pub mod staff;
mod update;
mod usage;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{EnumString, IntoStaticStr};

use crate::{
    billing::{follow_up::FollowUp, top_up::TopUp},
    credits::{Credits, InsufficientCredits, LedgerEntry, LedgerError},
    erasure::CLOSED_AFTER_ERASURE,
    error::{FieldCheck, InvalidFields},
    id::UserId,
    plan::{Allowance, Plan},
    text,
    time::{Period, Timestamp},
};

pub use api_key::KEYS_MAX;
pub use interest::{Interest, check_impartial};
pub use limits::{ALLOWANCE_MAX, CONCURRENCY_MAX, Limits};
pub use staff::StaffError;
pub use usage::Usage;

/// Longest display name, in characters.
pub const DISPLAY_NAME_CHARS_MAX: usize = 80;
/// Longest biography, in characters.
pub const BIO_CHARS_MAX: usize = 500;
/// Most presets of one member.
pub const PRESETS_MAX: u32 = 100;
/// The format of the directory entries of a member. Entries of another format are rewritten with
/// the member's next change.
pub const DIRECTORY_FORMAT: u16 = 1;
/// The `Retry-After` of a generation that is refused because too many are open.
pub const BUSY_RETRY: Duration = Duration::from_secs(10);

/// A staff role, from the issuer's token.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Role {
    /// Moderates the marketplace.
    Moderator,
    /// Has every permission.
    Admin,
}

/// Whether a member may act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AccountStatus {
    /// The member may act.
    Active,
    /// The member may not act, for a time or permanently.
    Suspended {
        /// Why, as shown to the member.
        reason: String,
        /// When the suspension ends; `None` is a permanent ban.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

/// Whether a member may act, and why not, without the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// The member may act.
    Active,
    /// The member may not act, for a time or permanently.
    Suspended,
    /// The member asked to be deleted, and personal data is being deleted. Nothing can be changed.
    Deleting,
    /// The last personal data was deleted. A day later the same sign-in may start again.
    Deleted,
}

/// Why and until when a member may not act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Suspension {
    /// Why, as shown to the member.
    pub reason: String,
    /// When it ends; `null` is a permanent ban.
    pub until: Option<Timestamp>,
}

impl AccountStatus {
    /// Whether the member may act at `now`.
    pub fn allows(&self, now: Timestamp) -> bool {
        match self {
            AccountStatus::Active => true,
            AccountStatus::Suspended { until, .. } => until.is_some_and(|until| until <= now),
        }
    }

    /// The suspension, while it lasts.
    pub fn suspension(&self, now: Timestamp) -> Option<Suspension> {
        match self {
            AccountStatus::Suspended { reason, until } if !self.allows(now) => {
                Some(Suspension { reason: reason.clone(), until: *until })
            }
            AccountStatus::Active | AccountStatus::Suspended { .. } => None,
        }
    }

    /// Whether this is a permanent ban.
    pub fn is_for_good(&self) -> bool {
        matches!(self, AccountStatus::Suspended { until: None, .. })
    }
}

/// A member's request to be deleted. From then on the account cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Deletion {
    /// When the member asked.
    pub requested_at: Timestamp,
    /// When the last personal data was deleted; `None` while the erasure runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

impl Deletion {
    /// Whether the person may use the service again, as a new member.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.erased_at.is_some_and(|erased_at| erased_at.plus(CLOSED_AFTER_ERASURE) <= now)
    }
}

/// What members write about themselves.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Shown to other members.
    pub display_name: Option<String>,
    /// A few sentences.
    pub bio: Option<String>,
}

impl Profile {
    /// # Errors
    /// The fields that are blank, too long, or contain invisible text.
    pub fn validate(&self) -> Result<(), InvalidFields> {
        let mut check = FieldCheck::new();
        let mut require =
            |pointer, value: &Option<String>, chars_max, visible: fn(&str) -> bool| {
                let Some(value) = value else { return };
                let count = text::length(value);
                check.require((1..=chars_max).contains(&count), pointer, "length", || {
                    format!("1 to {chars_max} characters, not {count}")
                });
                check
                    .require(visible(value), pointer, "text", || "must be visible text".to_owned());
            };
        let (name, bio) = (&self.display_name, &self.bio);
        require("/display_name", name, DISPLAY_NAME_CHARS_MAX, text::is_line);
        require("/bio", bio, BIO_CHARS_MAX, text::is_visible);
        check.finish()
    }
}

/// What a token claims about the member's e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailClaim<'a> {
    /// The `email` claim.
    pub address: Option<&'a str>,
    /// The `email_verified` claim: the issuer has verified that the address is the member's.
    pub is_verified: bool,
}

impl<'a> EmailClaim<'a> {
    /// A verified address.
    pub fn verified(address: &'a str) -> EmailClaim<'a> {
        EmailClaim { address: Some(address), is_verified: true }
    }
}

/// A member.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The `sub` claim of the issuer.
    pub user_id: UserId,
    /// The optimistic lock: goes up by one with every change; zero before the first.
    pub version: u64,
    /// The address in the latest token that had one.
    pub email: Option<String>,
    /// The latest token says that the issuer has not verified the address: no free credits, no
    /// rewards, no payouts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub email_unverified: bool,
    /// What members write about themselves.
    #[serde(default)]
    pub profile: Profile,
    /// The subscription plan.
    pub plan: Plan,
    /// The latest plan period that was paid for.
    pub paid_period: Option<Period>,
    /// When a paid plan falls back to Free, unless another period is paid first.
    pub plan_ends_at: Option<Timestamp>,
    /// The plan as which a paid plan renews, if a change is scheduled.
    pub renews_as: Option<Plan>,
    /// Whether they may act.
    pub standing: AccountStatus,
    /// Until when strikes suspend selling: see [`crate::marketplace::moderation::strike`].
    pub selling_suspended_until: Option<Timestamp>,
    /// First use of the service; the anchor of the monthly grant.
    pub created_at: Timestamp,
    /// End of the latest period that the Free plan has granted.
    pub granted_until: Timestamp,
    /// Credit lots, debt, and the ledger's sequence.
    pub credits: Credits,
    /// The time of the last ledger entry; `None` if it is older than this attribute. No later entry
    /// has an earlier time.
    pub ledger_at: Option<Timestamp>,
    /// Generations that are neither finished nor cancelled.
    pub open_jobs: u32,
    /// Number of stored presets.
    pub presets: u32,
    /// Number of API keys.
    #[serde(default)]
    pub api_keys: u32,
    /// Credits spent in the current period, by day.
    #[serde(default, skip_serializing_if = "Usage::is_empty")]
    pub usage: Usage,
    /// Automatic top-up, once the member has set it up.
    pub top_up: Option<TopUp>,
    /// The staff role in the latest token.
    pub role: Option<Role>,
    /// Limits that staff set for this member.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// When the consequences of `standing` are due to be applied.
    pub standing_due: Option<Timestamp>,
    /// Whether the member has ever created a listing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub creates: bool,
    /// The member's request to be deleted.
    pub deletion: Option<Deletion>,
    /// When they were suspended: names the decision, so that it can be appealed once.
    pub suspended_at: Option<Timestamp>,
    /// The [`DIRECTORY_FORMAT`] of their directory entries.
    #[serde(default)]
    pub directory: u16,
}

/// The next grant of a member's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NextGrant {
    /// When it is due.
    pub at: Timestamp,
    /// The plan that grants it: another than the present one after a change.
    pub plan: Plan,
    /// How many credits it is; `null` is unlimited within fair use.
    pub credits: Option<u32>,
}

/// Why an account refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Banned, or suspended for a while.
    #[error("This account is suspended{}: {reason}", until_text(.until))]
    Suspended {
        /// Why.
        reason: String,
        /// When it ends; `None` if it is permanent.
        until: Option<Timestamp>,
    },
    /// The member asked for the account to be deleted.
    #[error("This account is deleted, as requested at {0}.")]
    Deleted(Timestamp),
    /// The plan's cap on open generations is reached.
    #[error(
        "{open} generations are running and the plan allows {max} at once: wait for one to \
         finish, or cancel a queued one."
    )]
    TooManyRunning {
        /// Open generations.
        open: u32,
        /// The plan's limit.
        max: u32,
    },
    /// The limit on presets is reached.
    #[error("The limit of {PRESETS_MAX} presets is reached: delete one first.")]
    TooManyPresets,
    /// The limit on API keys is reached.
    #[error("The limit of {KEYS_MAX} API keys is reached: delete one first.")]
    TooManyKeys,
    /// Not enough credits.
    #[error(transparent)]
    Credits(#[from] InsufficientCredits),
    /// The issuer has not verified the member's e-mail address.
    #[error(
        "Your e-mail address is not verified: verify it with your sign-in provider, then sign in \
         again. It is needed for {0}."
    )]
    EmailUnverified(&'static str),
    /// An internal fault: the ledger contradicts itself.
    #[error(transparent)]
    Broken(#[from] LedgerError),
}

fn until_text(until: &Option<Timestamp>) -> String {
    until.map_or_else(String::new, |until| format!(" until {until}"))
}

crate::domain_error! {
    AccountError wraps [Credits, Broken] {
        Suspended => Forbidden, "account_suspended";
        Deleted => Forbidden, "account_deleted";
        TooManyRunning => TooMany, "too_many_running";
        TooManyPresets => Conflict, "too_many_presets";
        TooManyKeys => Conflict, "too_many_api_keys";
        EmailUnverified => Forbidden, "email_unverified";
    }
    fn retry_after_s(&self) -> Option<u32> {
        matches!(self, AccountError::TooManyRunning { .. })
            .then(|| u32::try_from(BUSY_RETRY.as_secs()).unwrap_or(u32::MAX))
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            AccountError::Suspended { until, .. } => vec![("until", json!(until))],
            AccountError::TooManyRunning { open, max } => {
                vec![("open", json!(open)), ("max", json!(max))]
            }
            AccountError::Credits(inner) => inner.extensions(),
            AccountError::Deleted(_)
            | AccountError::TooManyPresets
            | AccountError::TooManyKeys
            | AccountError::EmailUnverified(_)
            | AccountError::Broken(_) => Vec::new(),
        }
    }
}

impl Account {
    /// A new member: on the Free plan, nothing granted yet.
    pub fn open(user_id: UserId, now: Timestamp) -> Account {
        Account {
            user_id,
            version: 0,
            email: None,
            email_unverified: false,
            profile: Profile::default(),
            plan: Plan::Free,
            paid_period: None,
            plan_ends_at: None,
            renews_as: None,
            standing: AccountStatus::Active,
            selling_suspended_until: None,
            created_at: now,
            granted_until: now,
            credits: Credits::default(),
            ledger_at: None,
            open_jobs: 0,
            presets: 0,
            api_keys: 0,
            usage: Usage::default(),
            top_up: None,
            role: None,
            limits: Limits::default(),
            standing_due: None,
            creates: false,
            deletion: None,
            suspended_at: None,
            directory: 0,
        }
    }

    /// The most generations that may be open at once.
    pub fn concurrency_max(&self) -> u32 {
        self.limits.concurrency.unwrap_or(self.plan.terms().concurrency_max)
    }

    /// The monthly allowance under `plan`.
    pub fn allowance(&self, plan: Plan) -> Allowance {
        match (plan.terms().allowance, self.limits.monthly_allowance) {
            (Allowance::Credits(_), Some(credits)) => Allowance::Credits(credits),
            (usual, _) => usual,
        }
    }

    /// When Free grants next. Only Free grants by time; paid plans grant on a paid invoice.
    pub(crate) fn free_grant_at(&self) -> Option<Timestamp> {
        (self.plan == Plan::Free && !self.email_unverified).then_some(self.granted_until)
    }

    /// The next grant of the plan, as far as it is known: a paid plan's comes with its renewal, or
    /// Free's with its end. `None` while a payment is missing, or if Free grants nothing.
    pub fn next_grant(&self, now: Timestamp) -> Option<NextGrant> {
        let free =
            |at| NextGrant { at, plan: Plan::Free, credits: self.allowance(Plan::Free).credits() };
        let (Some(paid), Some(ends_at)) = (self.paid_period, self.plan_ends_at) else {
            return self.free_grant_at().map(free);
        };
        if ends_at <= paid.ends_at {
            return (!self.email_unverified).then(|| free(ends_at.max(self.granted_until)));
        }
        let plan = self.renews_as.unwrap_or(self.plan);
        let grant = NextGrant { at: paid.ends_at, plan, credits: self.allowance(plan).credits() };
        (now < grant.at).then_some(grant)
    }

    /// # Errors
    /// [`AccountError::EmailUnverified`] if the latest token's address is not verified.
    pub fn require_verified_email(&self, needed_for: &'static str) -> Result<(), AccountError> {
        match self.email_unverified {
            true => Err(AccountError::EmailUnverified(needed_for)),
            false => Ok(()),
        }
    }

    /// Whether the member may act at `now`, as a name; the reason is that of
    /// [`Account::require_active`].
    pub fn status(&self, now: Timestamp) -> MemberStatus {
        match self.deletion {
            Some(Deletion { erased_at: None, .. }) => MemberStatus::Deleting,
            Some(Deletion { erased_at: Some(_), .. }) => MemberStatus::Deleted,
            None if self.standing.allows(now) => MemberStatus::Active,
            None => MemberStatus::Suspended,
        }
    }

    /// # Errors
    /// When the member asked to be deleted, or is suspended at `now`.
    pub fn require_active(&self, now: Timestamp) -> Result<(), AccountError> {
        if let Some(deletion) = &self.deletion {
            return Err(AccountError::Deleted(deletion.requested_at));
        }
        match &self.standing {
            AccountStatus::Suspended { reason, until } if !self.standing.allows(now) => {
                Err(AccountError::Suspended { reason: reason.clone(), until: *until })
            }
            AccountStatus::Active | AccountStatus::Suspended { .. } => Ok(()),
        }
    }

    /// Starts an update: expires credits, ends a plan that is no longer paid, grants what the plan
    /// owes, and repays debt from it.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn begin_update(self, now: Timestamp) -> Result<AccountUpdate, LedgerError> {
        self.begin_update_for(None, now)
    }

    /// As [`Account::begin_update`], for a request by the member: applies the token's e-mail claim
    /// first.
    ///
    /// The update happens at `now`, or at the time of the last ledger entry if another process with
    /// a clock ahead of this one wrote it: the ledger never goes back in time.
    ///
    /// # Errors
    /// When the stored balance contradicts itself.
    pub fn begin_update_for(
        self,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
    ) -> Result<AccountUpdate, LedgerError> {
        let before = self.clone();
        let now = self.ledger_at.map_or(now, |last| last.max(now));
        let mut update = AccountUpdate { account: self, before, entries: Vec::new(), now };
        email.into_iter().for_each(|claim| update.take_over(claim));
        update.expire()?;
        update.downgrade_if_unpaid()?;
        update.grant_free_period()?;
        update.repay()?;
        Ok(update)
    }
}

/// An account update in progress.
#[derive(Debug, Clone)]
pub struct AccountUpdate {
    account: Account,
    before: Account,
    entries: Vec<LedgerEntry>,
    now: Timestamp,
}

/// A finished update, to be committed only if the account still has the version that was read.
#[derive(Debug, Clone)]
pub struct AccountChange {
    /// The account to write.
    pub account: Account,
    /// The account as it was read.
    pub before: Account,
    /// The version that the stored account must have; zero means that it must not exist.
    pub expected_version: u64,
    /// The ledger entries to append.
    pub entries: Vec<LedgerEntry>,
    /// The calls to Stripe that follow from it.
    pub follow_ups: Vec<FollowUp>,
}

#[cfg(test)]
mod tests;
