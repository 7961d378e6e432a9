//! What staff may do to an account.

use serde_json::{Value, json};

use super::{Account, AccountStatus, AccountUpdate, Interest, Limits, Role, check_impartial};
use crate::{
    credits::{LedgerError, LotAllocation, LotId, LotSize, LotSource, LotTerms, Movement},
    error::{FieldCheck, InvalidFields},
    id::UserId,
    time::{DAY, Timestamp},
};

/// Most credits that one staff action grants or takes back.
pub const CREDITS_MAX: u32 = 1_000;
/// Longest validity of granted credits, in days.
pub const GRANT_DAYS_MAX: u32 = 3 * 366;
/// Most staff lots that may be open at once on one account; grants with the same end share a lot.
const GRANTS_OPEN_MAX: usize = 16;

/// Why a staff action is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaffError {
    /// Staff may not decide on their own account.
    #[error(transparent)]
    Conflict(#[from] Interest),
    /// Staff may not decide on an admin's account.
    #[error("This account is an admin's: remove the role at the identity provider first.")]
    IsAdmin,
    /// The account has fewer credits than are to be taken back.
    #[error("{available} credits can be taken back, not {wanted}.")]
    TooFewCredits {
        /// Credits that can be taken back.
        available: u32,
        /// Credits that were asked for.
        wanted: u32,
    },
    /// Too many grants are open.
    #[error(
        "{GRANTS_OPEN_MAX} grants with different ends are open on this account: choose the end of \
         one of them."
    )]
    TooManyGrants,
    /// The account is not suspended.
    #[error("This account is not suspended.")]
    NotSuspended,
    /// An internal fault: the ledger contradicts itself.
    #[error(transparent)]
    Broken(#[from] LedgerError),
}

crate::domain_error! {
    StaffError wraps [Conflict, Broken] {
        IsAdmin => Forbidden, "target_is_admin";
        TooFewCredits => Conflict, "too_few_credits";
        TooManyGrants => Conflict, "too_many_grants";
        NotSuspended => Conflict, "not_suspended";
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        match self {
            StaffError::TooFewCredits { available, .. } => vec![("available", json!(available))],
            StaffError::Conflict(_)
            | StaffError::IsAdmin
            | StaffError::TooManyGrants
            | StaffError::NotSuspended
            | StaffError::Broken(_) => Vec::new(),
        }
    }
}

/// A grant or revocation of credits by staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// Grant so many, until then; `None` never expires.
    Grant(u32, Option<Timestamp>),
    /// Revoke so many.
    TakeBack(u32),
}

impl Adjustment {
    /// Validates a request: a positive `amount` grants, a negative one takes back.
    ///
    /// # Errors
    /// The fields that are out of range.
    pub fn checked(
        amount: i64,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Adjustment, InvalidFields> {
        let mut check = FieldCheck::new();
        let size = u32::try_from(amount.unsigned_abs()).unwrap_or(u32::MAX);
        check.require((1..=CREDITS_MAX).contains(&size), "/amount", "range", || {
            format!(
                "1 to {CREDITS_MAX} credits to be granted, -1 to -{CREDITS_MAX} to be taken back"
            )
        });
        let latest = now.plus(DAY * GRANT_DAYS_MAX);
        let in_time = expires_at.is_none_or(|end| now < end && end <= latest);
        check.require(in_time, "/expires_at", "range", || {
            format!("later than now, and at most {GRANT_DAYS_MAX} days from now")
        });
        check.require(amount > 0 || expires_at.is_none(), "/expires_at", "unused", || {
            "only a grant can expire".to_owned()
        });
        check.finish()?;
        Ok(if amount > 0 {
            Adjustment::Grant(size, expires_at)
        } else {
            Adjustment::TakeBack(size)
        })
    }
}

/// Validates the end of a suspension; `None` is a permanent ban.
///
/// # Errors
/// When `until` has passed.
pub fn checked_until(
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, InvalidFields> {
    let mut check = FieldCheck::new();
    let later = until.is_none_or(|until| until > now);
    check.require(later, "/until", "range", || "later than now".to_owned());
    check.finish()?;
    Ok(until)
}

impl Account {
    /// Whether `staff` may decide on this account.
    ///
    /// # Errors
    /// When it is their own, or an admin's.
    pub fn check_decidable(&self, staff: &UserId) -> Result<(), StaffError> {
        check_impartial(staff, [(Interest::Member, &self.user_id)])?;
        match self.role {
            Some(Role::Admin) => Err(StaffError::IsAdmin),
            Some(Role::Moderator) | None => Ok(()),
        }
    }

    /// The state that staff can change, as recorded in the audit trail.
    pub fn audited(&self) -> Value {
        json!({
            "standing": self.standing,
            "limits": self.limits,
            "available": self.credits.totals().available,
        })
    }
}

impl AccountUpdate {
    /// Stores the staff role from the token. Reopens an account that was deleted long enough ago.
    pub fn seen_as(&mut self, role: Option<Role>) {
        self.reopen();
        if self.account.deletion.is_none() {
            self.account.role = role;
        }
    }

    /// Applies an adjustment; `lot` is the key of a grant. What is taken back comes from free
    /// credits before paid ones, and creates no debt.
    ///
    /// # Errors
    /// When too few credits are available, or too many grants are open.
    pub fn adjust(&mut self, lot: LotId, adjustment: Adjustment) -> Result<(), StaffError> {
        match adjustment {
            Adjustment::Grant(credits, expires_at) => {
                let (source, size) = (LotSource::Admin, LotSize::Credits(credits));
                let terms = LotTerms { id: lot, source, size, expires_at };
                let held = &self.account.credits;
                let grants = held.lots.iter().filter(|it| it.terms.source == source).count();
                if grants >= GRANTS_OPEN_MAX && held.open_lot_for(&terms, self.now).is_none() {
                    return Err(StaffError::TooManyGrants);
                }
                self.add(terms)?;
                Ok(())
            }
            Adjustment::TakeBack(wanted) => {
                let shares = self.account.credits.revocable(wanted, self.now);
                let available = shares.iter().map(|share: &LotAllocation| share.credits).sum();
                if available < wanted {
                    return Err(StaffError::TooFewCredits { available, wanted });
                }
                Ok(self.post(&lot.0, Movement::Revoke { shares })?)
            }
        }
    }

    /// Suspends the member until `until`, or permanently. The consequences are due at once.
    pub fn suspend(&mut self, reason: String, until: Option<Timestamp>) {
        self.account.standing = AccountStatus::Suspended { reason, until };
        self.account.suspended_at = Some(self.now);
        self.account.standing_due = Some(self.now);
    }

    /// Lifts a suspension.
    ///
    /// # Errors
    /// When there is none.
    pub fn reinstate(&mut self) -> Result<(), StaffError> {
        if self.account.standing == AccountStatus::Active {
            return Err(StaffError::NotSuspended);
        }
        self.account.standing = AccountStatus::Active;
        self.account.suspended_at = None;
        self.account.standing_due = Some(self.now);
        Ok(())
    }

    /// Sets the member's own limits in place of those they had.
    pub fn limit(&mut self, limits: Limits) {
        self.account.limits = limits;
    }

    /// Lifts a suspension that has ended. Returns whether it did.
    pub fn lift_if_over(&mut self) -> bool {
        let over = self.account.standing != AccountStatus::Active
            && self.account.standing.allows(self.now);
        if over {
            self.account.standing = AccountStatus::Active;
            self.account.suspended_at = None;
        }
        over
    }

    /// Marks the consequences of the status as applied. They are due again when a suspension ends.
    pub fn suspension_applied(&mut self) {
        self.account.standing_due = match &self.account.standing {
            AccountStatus::Suspended { until, .. } => *until,
            AccountStatus::Active => None,
        };
    }
}
