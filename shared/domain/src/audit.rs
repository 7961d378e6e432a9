//! The audit trail: hash chains of records that are only ever appended.
//!
//! Every staff action and every decision about money that a job takes is an [`AuditEntry`], written
//! in the transaction of its effect. Each record carries the hash of the previous one of its
//! [`AuditChain`], so that following the chain finds a record that was changed, removed, inserted or
//! moved.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use strum::{EnumString, IntoStaticStr};

use crate::{
    account::Role,
    id::{UserId, shard_in},
    time::Timestamp,
};

/// The number of chains of jobs. What jobs did to a target is looked for in its chain only, so a
/// change of this number would hide what is in the chains from before.
pub const JOB_CHAINS: u8 = 8;
/// Longest target id that can be searched for.
const TARGET_BYTES_MAX: usize = 255;

/// A chain of the audit. Each is numbered, verified and archived for itself.
///
/// A record is appended by replacing the head of its chain, so the writers of a chain wait for each
/// other: it takes about twenty records a second. Jobs write far more than staff, many at once, and
/// staff must neither wait for them nor look for their own decisions among theirs; so jobs have
/// chains of their own. The target decides on the chain, not the kind of job: most records are about
/// payouts, which would all be in one. So what jobs did to a target is in one chain, in its order.
///
/// The chain of staff is the one that was there before the others. What jobs wrote until then stays
/// in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditChain {
    /// What staff decide.
    Staff,
    /// What jobs decide about some of the targets: below [`JOB_CHAINS`].
    Jobs(u8),
}

/// Some of the chains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditChains {
    /// Every chain.
    #[default]
    All,
    /// That of staff.
    Staff,
    /// Those of jobs.
    Jobs,
}

/// Who took the action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A staff member.
    Staff {
        /// Their user id.
        user_id: UserId,
        /// Their role at the time.
        role: Role,
    },
    /// One of our functions, on a schedule or after an event.
    Job {
        /// Its name, or the subject it works on.
        name: String,
    },
}

/// The action that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Credits were granted by staff.
    GrantCredits,
    /// Credits were revoked by staff.
    TakeBackCredits,
    /// A member was suspended, for a time or permanently.
    Ban,
    /// A suspension was lifted.
    Unban,
    /// A member's own limits were set.
    SetLimits,
    /// A listing version was approved and published.
    ApproveListing,
    /// A listing version was rejected.
    RejectListing,
    /// A listing was taken off sale.
    DelistListing,
    /// Reports of a listing were dismissed.
    DismissFlags,
    /// A creator got a strike.
    Strike,
    /// A buyer's refund was decided.
    Refund,
    /// A buyer's request for a refund was declined.
    DeclineRefund,
    /// A buyer was paid outside Stripe what was owed to them of a purchase.
    RecordPaidBack,
    /// A payout was decided.
    SendPayout,
    /// Stripe accepted a payout.
    PayoutSent,
    /// A payout was paid.
    PayoutPaid,
    /// A payout failed.
    PayoutFailed,
    /// The sales of a payout were released for another one.
    ReopenPayout,
    /// A transfer to a creator was reversed, in whole or in part.
    ReverseTransfer,
    /// A sharer's reward was granted.
    GrantReward,
    /// A member's duplicate subscription was cancelled and refunded.
    EndSurplus,
    /// Staff read a member's data, or the list of members.
    ReadMember,
    /// The subscription of a permanently banned member was set to cancel at the end of its period.
    StopRenewal,
    /// An invoice that was paid after its subscription ended was refunded.
    RefundLatePayment,
    /// A member asked to be deleted.
    RequestDeletion,
    /// A deleted member's personal data was erased.
    EraseMember,
    /// A listing was taken off sale and its images were deleted.
    RemovePictures,
    /// A review was removed.
    RemoveReview,
    /// Reports of an image, a review or a member were found to be justified.
    UpholdFlags,
    /// An appeal was decided, and the decision stays.
    UpholdDecision,
    /// An appeal was decided, and the decision was undone.
    ReverseDecision,
}

/// The object of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Target {
    /// Its kind.
    pub kind: TargetKind,
    /// Its id.
    pub id: String,
}

/// The kinds of objects.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum TargetKind {
    /// A member.
    User,
    /// A listing.
    Listing,
    /// A purchase.
    Purchase,
    /// A payout.
    Payout,
    /// A review.
    Review,
    /// The list of all members.
    Directory,
}

/// The request that caused an action.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Origin {
    /// The gateway's request id, which no caller chooses. Records from before both ids were stored
    /// have the caller's, where one was sent.
    pub request_id: String,
    /// The caller's correlation id, where one was sent: the one in the response and in the logs.
    pub correlation_id: Option<String>,
    /// The caller's IP address, as API Gateway saw it.
    pub ip: Option<String>,
}

/// An action, before it has its place in the chain.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Who took it.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// The object of the action.
    pub target: Target,
    /// The fields it changes, before: JSON as text, because a hash needs one fixed spelling.
    pub before: Option<String>,
    /// The same fields, after.
    pub after: Option<String>,
    /// The reason that the actor gave.
    pub reason: Option<String>,
    /// The request that caused it, if one did.
    pub origin: Option<Origin>,
}

/// An audit entry with its place in a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// 1, 2, 3, …
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// The hash of the previous record; in the first, what its chain begins with.
    pub previous: String,
    /// SHA-256 over all of the above, in hex.
    pub hash: String,
}

/// The head of a chain: its latest record. The default is that of staff, before the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The optimistic lock: goes up by one with every write; zero before the first.
    pub version: u64,
    /// The number of records.
    pub seq: u64,
    /// The hash of the latest record; before the first, what the chain begins with.
    pub hash: String,
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainBreak {
    /// The first record that is wrong.
    pub seq: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is missing.
    Missing,
    /// Its content was changed.
    Tampered,
    /// It is in another record's place.
    OutOfPlace,
    /// It was inserted.
    Inserted,
    /// It is not the record that the head names as the latest.
    NotTheLast,
    /// It differs from the head that was archived elsewhere.
    NotAsKept,
}

impl AuditChain {
    /// The chain of what jobs do to `target`.
    pub fn of_jobs(target: &Target) -> AuditChain {
        AuditChain::Jobs(shard_in(&target.id, JOB_CHAINS))
    }

    /// Parses its name: `staff`, `jobs_0` and so on.
    pub fn parse(name: &str) -> Option<AuditChain> {
        AuditChains::All.each().into_iter().find(|chain| chain.to_string() == name)
    }

    /// The hash before its first record: a chain of jobs begins with its name, so that it cannot
    /// take the place of another one. That of staff began with nothing.
    fn begins_with(self) -> String {
        match self {
            AuditChain::Staff => String::new(),
            AuditChain::Jobs(_) => self.to_string(),
        }
    }
}

impl fmt::Display for AuditChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditChain::Staff => f.write_str("staff"),
            AuditChain::Jobs(shard) => write!(f, "jobs_{shard}"),
        }
    }
}

impl AuditChains {
    /// The chains, in the order in which they are read.
    pub fn each(self) -> Vec<AuditChain> {
        let jobs = (0..JOB_CHAINS).map(AuditChain::Jobs);
        match self {
            AuditChains::All => std::iter::once(AuditChain::Staff).chain(jobs).collect(),
            AuditChains::Staff => vec![AuditChain::Staff],
            AuditChains::Jobs => jobs.collect(),
        }
    }
}

impl Target {
    /// A member.
    pub fn user(id: &UserId) -> Target {
        Target::of(TargetKind::User, id)
    }

    /// The list of all members.
    pub fn directory() -> Target {
        Target::of(TargetKind::Directory, &"members")
    }

    /// Parses `<kind>:<id>`, such as `user:user_1`.
    pub fn parse(text: &str) -> Option<Target> {
        let (kind, id) = text.split_once(':')?;
        let kind = kind.parse().ok()?;
        (1..=TARGET_BYTES_MAX).contains(&id.len()).then(|| Target::of(kind, &id))
    }

    /// The object of `kind` with this id.
    pub fn of(kind: TargetKind, id: &impl ToString) -> Target {
        Target { kind, id: id.to_string() }
    }
}

impl AuditEntry {
    /// An entry for an action of a job.
    pub fn of_job(name: &str, action: Action, target: Target) -> AuditEntry {
        AuditEntry::new(Actor::Job { name: name.to_owned() }, action, target)
    }

    /// An entry for an action of `actor`.
    pub fn new(actor: Actor, action: Action, target: Target) -> AuditEntry {
        AuditEntry { actor, action, target, before: None, after: None, reason: None, origin: None }
    }

    /// The chain that it belongs to.
    pub fn chain(&self) -> AuditChain {
        match &self.actor {
            Actor::Staff { .. } => AuditChain::Staff,
            Actor::Job { .. } => AuditChain::of_jobs(&self.target),
        }
    }

    /// The staff member who acted; `None` for a job.
    pub fn staff(&self) -> Option<&UserId> {
        match &self.actor {
            Actor::Staff { user_id, .. } => Some(user_id),
            Actor::Job { .. } => None,
        }
    }

    /// Adds the changed fields, before and after.
    #[must_use]
    pub fn with_diff(self, before: &Value, after: &Value) -> AuditEntry {
        AuditEntry { before: Some(before.to_string()), after: Some(after.to_string()), ..self }
    }

    /// Adds the reason.
    #[must_use]
    pub fn with_reason(self, reason: &str) -> AuditEntry {
        AuditEntry { reason: Some(reason.to_owned()), ..self }
    }
}

impl Head {
    /// The head of a chain without records.
    pub fn new(chain: AuditChain) -> Head {
        Head { version: 0, seq: 0, hash: chain.begins_with() }
    }

    /// Appends an entry and returns its record.
    pub fn add(&mut self, entry: AuditEntry, at: Timestamp) -> AuditRecord {
        self.seq += 1;
        let previous = std::mem::take(&mut self.hash);
        let mut row = AuditRecord { seq: self.seq, at, entry, previous, hash: String::new() };
        row.hash = row.expected_hash();
        self.hash.clone_from(&row.hash);
        row
    }
}

impl AuditRecord {
    /// The hash that the record must have.
    fn expected_hash(&self) -> String {
        // Fields in the order of their declaration: one spelling, whatever order the table returns.
        let hashed = (self.seq, self.at, &self.entry, &self.previous);
        // Strings, numbers and enums: serialization cannot fail.
        let text = serde_json::to_string(&hashed).unwrap_or_default();
        hex::encode(Sha256::digest(text))
    }
}

/// A chain that is being verified from its beginning. The default is that of staff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// The last record that was verified.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl Chain {
    /// The beginning of a chain.
    pub fn new(chain: AuditChain) -> Chain {
        Chain { seq: 0, hash: chain.begins_with() }
    }

    /// Verifies the next record, which is stored at sequence number `at`; `None` if its key is no
    /// sequence number.
    ///
    /// # Errors
    /// [`ChainBreak`].
    pub fn follow(&mut self, row: &AuditRecord, at: Option<u64>) -> Result<(), ChainBreak> {
        let expected = self.seq + 1;
        let broken = |seq, why| Err(ChainBreak { seq, why });
        match at {
            None => return broken(row.seq, Why::Inserted),
            Some(at) if at > expected => return broken(expected, Why::Missing),
            Some(at) if at < expected => return broken(at, Why::Inserted),
            Some(_) => {}
        }
        if row.hash != row.expected_hash() {
            return broken(expected, Why::Tampered);
        }
        if row.seq != expected {
            return broken(expected, Why::OutOfPlace);
        }
        if row.previous != self.hash {
            // The record's own hash is right, but it does not follow the one before: one of them
            // was rewritten.
            return broken(expected, Why::Tampered);
        }
        *self = Chain { seq: expected, hash: row.hash.clone() };
        Ok(())
    }

    /// Handles an item at sequence number `at` that is not an audit record.
    ///
    /// # Errors
    /// [`ChainBreak`], always.
    pub fn garbled(&self, at: Option<u64>) -> Result<(), ChainBreak> {
        let expected = self.seq + 1;
        let (seq, why) = match at {
            None => (expected, Why::Inserted),
            Some(at) if at > expected => (expected, Why::Missing),
            Some(at) => (at, Why::Tampered),
        };
        Err(ChainBreak { seq, why })
    }

    /// Verifies that the chain ends here.
    ///
    /// # Errors
    /// [`ChainBreak`], when it does not match the head.
    pub fn end(&self, head: &Head) -> Result<(), ChainBreak> {
        if self.seq < head.seq {
            return Err(ChainBreak { seq: self.seq + 1, why: Why::Missing });
        }
        if self.seq > head.seq {
            return Err(ChainBreak { seq: head.seq + 1, why: Why::Inserted });
        }
        match self.hash == head.hash {
            true => Ok(()),
            false => Err(ChainBreak { seq: self.seq, why: Why::NotTheLast }),
        }
    }
}

/// Heads of a chain that were archived where our code cannot change them: sequence numbers with
/// hashes. A chain can be rewritten from any record on, hashes included, but not so that it matches
/// these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors(BTreeMap<u64, Vec<String>>);

impl Anchors {
    /// Checks the record that `chain` has reached against the archived heads.
    ///
    /// # Errors
    /// [`Why::NotAsKept`].
    pub fn meet(&self, chain: &Chain) -> Result<(), ChainBreak> {
        let kept = self.0.get(&chain.seq).into_iter().flatten();
        match kept.into_iter().all(|hash| *hash == chain.hash) {
            true => Ok(()),
            false => Err(ChainBreak { seq: chain.seq, why: Why::NotAsKept }),
        }
    }

    /// Checks that `chain`, which is at its end, contains every archived head.
    ///
    /// # Errors
    /// [`Why::Missing`].
    pub fn end(&self, chain: &Chain) -> Result<(), ChainBreak> {
        match self.0.last_key_value() {
            Some((last, _)) if *last > chain.seq => {
                Err(ChainBreak { seq: chain.seq + 1, why: Why::Missing })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl FromIterator<Chain> for Anchors {
    fn from_iter<T: IntoIterator<Item = Chain>>(kept: T) -> Anchors {
        kept.into_iter().fold(Anchors::default(), |mut anchors, Chain { seq, hash }| {
            anchors.0.entry(seq).or_default().push(hash);
            anchors
        })
    }
}

#[cfg(test)]
mod tests;
