//! Appeals: a member's objection to a decision of staff, once for each decision.
//!
//! A suspended member may appeal the suspension, and a creator the rejection or the delisting of a
//! listing, suspended or not. Staff uphold the decision or reverse it. A reversal undoes the
//! decision if it is still in effect: the suspension is lifted, a rejected version is in review
//! again, a delisted listing is on sale again and its strike is withdrawn.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    account::{Account, AccountStatus, Role},
    audit::Action,
    error::{FieldCheck, InvalidFields},
    id::{AppealId, ListingId, UserId},
    marketplace::listing::{DelistedBy, DraftState, Listing},
    text,
    time::Timestamp,
};

/// Longest text of an appeal, in characters.
pub const TEXT_CHARS_MAX: usize = 2_000;

/// The decision that is appealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Appealed {
    /// A suspension, for a time or permanently.
    Suspension {
        /// When it was decided; `None` for one from before that was recorded.
        decided_at: Option<Timestamp>,
    },
    /// The rejection of a version of a listing.
    Rejection {
        /// The listing.
        listing_id: ListingId,
        /// When it was decided.
        decided_at: Timestamp,
    },
    /// The delisting of a listing.
    Delisting {
        /// The listing.
        listing_id: ListingId,
        /// When it was decided.
        decided_at: Timestamp,
    },
}

/// The kinds of decisions that are appealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AppealKind {
    /// Suspensions of members, on which admins decide.
    Suspension,
    /// Rejections and delistings, on which moderators decide.
    Listing,
}

/// An appeal.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appeal {
    /// Its id: derived from the member and the decision, so that there is one for each decision.
    pub id: AppealId,
    /// The member who appeals.
    pub member_id: UserId,
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The decision.
    #[serde(flatten)]
    pub decision: Appealed,
    /// The reason of the decision, as the member was shown it.
    pub reason: String,
    /// What the member says against it.
    pub text: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How it was decided; `None` while it is open.
    pub ruling: Option<Ruling>,
}

/// The decision on an appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Whether the decision stays.
    pub outcome: Outcome,
    /// The reason, as shown to the member.
    pub reason: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The staff member; not shown to the member.
    pub by: UserId,
}

/// Whether an appealed decision stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AppealOutcome"))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The decision stays.
    Upheld,
    /// The decision is undone, as far as it is still in effect.
    Reversed,
}

/// The state of an appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AppealStatus {
    /// It waits for staff.
    Open,
    /// The decision stays.
    Upheld,
    /// The decision was reversed.
    Reversed,
}

/// Why an appeal, or a ruling on one, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppealError {
    /// There is no decision to appeal.
    #[error("There is no decision of staff that could be appealed.")]
    NoDecision,
    /// The decision was appealed before.
    #[error("You have already appealed this decision.")]
    Appealed,
    /// The appeal is decided.
    #[error("This appeal is already decided.")]
    Decided,
    /// Only admins decide on suspensions.
    #[error("Only an admin can decide on the appeal of a suspension.")]
    NeedsAdmin,
}

crate::domain_error! {
    AppealError {
        NoDecision => Conflict, "no_decision";
        Appealed => Conflict, "already_appealed";
        Decided => Conflict, "appeal_decided";
        NeedsAdmin => Forbidden, "needs_admin";
    }
}

impl Appealed {
    /// The suspension in effect at `now`, with its reason.
    ///
    /// # Errors
    /// [`AppealError::NoDecision`] when the member is not suspended, or is deleted.
    pub fn suspension(
        account: &Account,
        now: Timestamp,
    ) -> Result<(Appealed, String), AppealError> {
        match &account.standing {
            AccountStatus::Suspended { reason, .. }
                if !account.standing.allows(now) && account.deletion.is_none() =>
            {
                let decided_at = account.suspended_at;
                Ok((Appealed::Suspension { decided_at }, reason.clone()))
            }
            AccountStatus::Active | AccountStatus::Suspended { .. } => Err(AppealError::NoDecision),
        }
    }

    /// The latest decision of staff against a listing that is in effect, with its reason.
    ///
    /// # Errors
    /// [`AppealError::NoDecision`].
    pub fn of_listing(listing: &Listing) -> Result<(Appealed, String), AppealError> {
        let listing_id = || listing.id.clone();
        let rejected = match listing.draft.as_ref().map(|draft| &draft.state) {
            Some(DraftState::Rejected { reason, rejected_at }) => Some((
                *rejected_at,
                Appealed::Rejection { listing_id: listing_id(), decided_at: *rejected_at },
                reason.clone(),
            )),
            Some(
                DraftState::Draft
                | DraftState::Preparing { .. }
                | DraftState::PreparationFailed { .. }
                | DraftState::Pending { .. },
            )
            | None => None,
        };
        let delisted = listing.delisted.as_ref().filter(|it| it.by == DelistedBy::Staff);
        let delisted = delisted.map(|it| {
            let decision = Appealed::Delisting { listing_id: listing_id(), decided_at: it.at };
            (it.at, decision, it.reason.clone().unwrap_or_default())
        });
        let latest = rejected.into_iter().chain(delisted).max_by_key(|(at, ..)| *at);
        let (_, decision, reason) = latest.ok_or(AppealError::NoDecision)?;
        Ok((decision, reason))
    }

    /// Its kind.
    pub const fn kind(&self) -> AppealKind {
        match self {
            Appealed::Suspension { .. } => AppealKind::Suspension,
            Appealed::Rejection { .. } | Appealed::Delisting { .. } => AppealKind::Listing,
        }
    }

    /// The listing it is about; `None` for a suspension.
    pub const fn listing_id(&self) -> Option<&ListingId> {
        match self {
            Appealed::Suspension { .. } => None,
            Appealed::Rejection { listing_id, .. } | Appealed::Delisting { listing_id, .. } => {
                Some(listing_id)
            }
        }
    }

    /// When it was decided, if known.
    pub const fn decided_at(&self) -> Option<Timestamp> {
        match self {
            Appealed::Suspension { decided_at } => *decided_at,
            Appealed::Rejection { decided_at, .. } | Appealed::Delisting { decided_at, .. } => {
                Some(*decided_at)
            }
        }
    }

    /// Whether an audited action is this decision.
    pub fn is_taken_by(&self, action: Action, at: Timestamp) -> bool {
        let actions: &[Action] = match self {
            Appealed::Suspension { .. } => &[Action::Ban],
            Appealed::Rejection { .. } => &[Action::RejectListing],
            Appealed::Delisting { .. } => {
                &[Action::DelistListing, Action::RemovePictures, Action::Strike]
            }
        };
        actions.contains(&action) && self.decided_at().is_none_or(|decided_at| decided_at == at)
    }

    /// Whether it is what a listing's state follows from.
    pub fn is_in_effect(&self, listing: &Listing) -> bool {
        match self {
            Appealed::Suspension { .. } => false,
            Appealed::Rejection { decided_at, .. } => match listing.draft.as_ref() {
                Some(draft) => {
                    matches!(&draft.state, DraftState::Rejected { rejected_at, .. }
                        if rejected_at == decided_at)
                }
                None => false,
            },
            Appealed::Delisting { decided_at, .. } => {
                listing.is_taken_off()
                    && listing.delisted.as_ref().is_some_and(|it| it.at == *decided_at)
            }
        }
    }

    /// The role that decides on an appeal of it.
    pub const fn judge(&self) -> Role {
        match self.kind() {
            AppealKind::Suspension => Role::Admin,
            AppealKind::Listing => Role::Moderator,
        }
    }

    fn id(&self, member: &UserId) -> AppealId {
        let name = match self {
            Appealed::Suspension { .. } => format!("suspension {member}"),
            Appealed::Rejection { listing_id, .. } => format!("rejection {listing_id}"),
            Appealed::Delisting { listing_id, .. } => format!("delisting {listing_id}"),
        };
        let digest: [u8; 32] = Sha256::digest(name).into();
        let (head, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        let at = self.decided_at().unwrap_or(Timestamp::from_secs(0));
        AppealId::new(at, u128::from_be_bytes(*head))
    }
}

impl Appeal {
    /// A member's appeal of a decision.
    pub fn make(
        member_id: UserId,
        (decision, reason): (Appealed, String),
        text: String,
        now: Timestamp,
    ) -> Appeal {
        Appeal {
            id: decision.id(&member_id),
            member_id,
            version: 0,
            decision,
            reason,
            text,
            created_at: now,
            ruling: None,
        }
    }

    /// Its state.
    pub const fn status(&self) -> AppealStatus {
        match &self.ruling {
            None => AppealStatus::Open,
            Some(Ruling { outcome: Outcome::Upheld, .. }) => AppealStatus::Upheld,
            Some(Ruling { outcome: Outcome::Reversed, .. }) => AppealStatus::Reversed,
        }
    }

    /// Decides it.
    ///
    /// # Errors
    /// When it is decided, or the role does not suffice.
    pub fn rule(&mut self, ruling: Ruling, role: Option<Role>) -> Result<(), AppealError> {
        if self.decision.judge() == Role::Admin && role != Some(Role::Admin) {
            return Err(AppealError::NeedsAdmin);
        }
        if self.ruling.is_some() {
            return Err(AppealError::Decided);
        }
        self.ruling = Some(ruling);
        Ok(())
    }

    /// Its state, as recorded in the audit trail.
    pub fn audited(&self) -> Value {
        json!({ "appeal_id": self.id, "status": self.status(), "decision": self.decision })
    }
}

/// Validates and trims the text of an appeal.
///
/// # Errors
/// When it is blank, too long or invisible.
pub fn checked_text(said: &str) -> Result<String, InvalidFields> {
    let said = said.trim();
    let mut check = FieldCheck::new();
    let fits = text::length(said) <= TEXT_CHARS_MAX && text::is_visible(said);
    check.require(fits, "/text", "text", || format!("1 to {TEXT_CHARS_MAX} visible characters"));
    check.finish()?;
    Ok(said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    #[test]
    fn a_decision_has_one_appeal_and_the_next_another() {
        let member = UserId::parse("kim").unwrap();
        let id = |secs| Appealed::Suspension { decided_at: Some(at(secs)) }.id(&member);
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
        let other = UserId::parse("ada").unwrap();
        assert_ne!(id(1), Appealed::Suspension { decided_at: Some(at(1)) }.id(&other));
        let unknown = Appealed::Suspension { decided_at: None };
        assert_eq!(unknown.id(&member), unknown.id(&member));
    }

    #[test]
    fn an_appeal_is_decided_once_and_of_a_suspension_by_an_admin() {
        let member = UserId::parse("kim").unwrap();
        let decision = Appealed::Suspension { decided_at: Some(at(1)) };
        let mut appeal =
            Appeal::make(member.clone(), (decision, "Spam.".into()), "No.".into(), at(2));
        let outcome = Outcome::Reversed;
        let ruling = Ruling { outcome, reason: "True.".into(), at: at(3), by: member };
        let refused = appeal.rule(ruling.clone(), Some(Role::Moderator));
        assert_eq!(refused, Err(AppealError::NeedsAdmin));
        assert_eq!(appeal.rule(ruling.clone(), Some(Role::Admin)), Ok(()));
        assert_eq!(appeal.rule(ruling, Some(Role::Admin)), Err(AppealError::Decided));
        assert_eq!(appeal.status(), AppealStatus::Reversed);
        let stored = serde_json::to_value(&appeal).unwrap();
        assert_eq!(serde_json::from_value::<Appeal>(stored).unwrap(), appeal);
    }

    #[test]
    fn a_text_is_not_blank() {
        assert_eq!(checked_text(" Mine. ").unwrap(), "Mine.");
        assert!(checked_text(" ").is_err());
        assert!(checked_text(&"x".repeat(TEXT_CHARS_MAX + 1)).is_err());
    }
}
