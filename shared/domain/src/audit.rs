//! Who decided what: a chain of rows that are only ever added.
//!
//! Every action of staff and every decision about money that a job of ours takes is a [`AuditEntry`],
//! written in the transaction of its effect. Each row carries the hash of the row before it, so that
//! one that is changed, taken out, put in or moved is found by whoever follows the chain.

use std::{collections::BTreeMap, fmt::Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{account::Role, id::UserId, time::Timestamp};

/// Longest id of a target that is looked for.
const TARGET_BYTES_MAX: usize = 255;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody of the staff.
    Staff {
        /// Who.
        user_id: UserId,
        /// What they were then.
        role: Role,
    },
    /// A function of ours, on a schedule or after a notice.
    Job {
        /// Its name, or what it is about.
        name: String,
    },
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Credits were granted by staff.
    GrantCredits,
    /// Credits were taken back by staff.
    TakeBackCredits,
    /// A member was suspended, for a while or for good.
    Ban,
    /// A suspension was lifted.
    Unban,
    /// A member's own limits were set.
    SetLimits,
    /// A version was put on sale.
    ApproveListing,
    /// A version was sent back.
    RejectListing,
    /// A listing was taken off sale.
    DelistListing,
    /// Reports of a listing were put aside.
    DismissFlags,
    /// A creator got a strike.
    Strike,
    /// A buyer's money is to be given back.
    Refund,
    /// A creator is to be paid.
    SendPayout,
    /// Stripe took a payout.
    PayoutSent,
    /// A payout arrived.
    PayoutPaid,
    /// A payout did not arrive.
    PayoutFailed,
    /// What was in a payout waits for another.
    ReopenPayout,
    /// What a creator was paid was got back from their account, or a part of it.
    ReverseTransfer,
    /// A sharer got their credits.
    GrantReward,
    /// A second subscription of a member's was ended and paid back.
    EndSurplus,
    /// Staff looked at a member, or at the list of all.
    ReadMember,
    /// The subscription of a member who was banned without an end was set to end with its period.
    StopRenewal,
    /// An invoice that was paid after its subscription was over was refunded.
    RefundLatePayment,
    /// A member asked to be deleted.
    RequestDeletion,
    /// What said who a deleted member is was erased.
    EraseMember,
    /// A listing was taken off sale and its pictures were deleted.
    RemovePictures,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// Its id.
    pub id: String,
}

/// What something is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// A member.
    User,
    /// A listing.
    Listing,
    /// A purchase.
    Purchase,
    /// A payout.
    Payout,
    /// The list of all members.
    Directory,
}

/// The request it came by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The gateway's own id for it, which no caller chooses. Of rows before there were both, the
    /// caller's where they sent one.
    pub request_id: String,
    /// The caller's id for it, where they sent one: as in its answer and in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Where it came from, as API Gateway saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// By whom.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// What of the target it changes, as it was: JSON as text, because a hash wants one spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The same as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Why, as whoever did it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The request it came by, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A deed with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// 1, 2, 3, …
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub deed: AuditEntry,
    /// The hash of the row before; empty in the first.
    pub previous: String,
    /// SHA-256 over all of the above, in hex.
    pub hash: String,
}

/// The end of the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Goes up by one with every write; zero before the first.
    pub version: u64,
    /// How many rows there are.
    pub seq: u64,
    /// The hash of the last.
    pub hash: String,
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainBreak {
    /// The first row that is not what it was.
    pub seq: u64,
    /// How.
    pub why: Why,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is not there.
    Missing,
    /// It says something else than it did.
    Tampered,
    /// It stands where another row stood.
    OutOfPlace,
    /// Nobody of ours added it.
    Inserted,
    /// It is not the one that the end of the chain tells of.
    NotTheLast,
    /// It is not the one that was the last when an end was kept elsewhere.
    NotAsKept,
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

    /// A target as `<kind>:<id>`, such as `user:user_1`.
    pub fn parse(text: &str) -> Option<Target> {
        let (kind, id) = text.split_once(':')?;
        let kind = TargetKind::ALL.into_iter().find(|it| it.as_str() == kind)?;
        (1..=TARGET_BYTES_MAX).contains(&id.len()).then(|| Target::of(kind, &id))
    }

    /// Something with an id.
    pub fn of(kind: TargetKind, id: &impl ToString) -> Target {
        Target { kind, id: id.to_string() }
    }
}

impl TargetKind {
    /// Each of them.
    pub const ALL: [TargetKind; 5] = [
        TargetKind::User,
        TargetKind::Listing,
        TargetKind::Purchase,
        TargetKind::Payout,
        TargetKind::Directory,
    ];

    /// As in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            TargetKind::User => "user",
            TargetKind::Listing => "listing",
            TargetKind::Purchase => "purchase",
            TargetKind::Payout => "payout",
            TargetKind::Directory => "directory",
        }
    }
}

impl AuditEntry {
    /// One of a job's.
    pub fn of_job(name: &str, action: Action, target: Target) -> AuditEntry {
        AuditEntry::new(Actor::Job { name: name.to_owned() }, action, target)
    }

    /// One by `actor`.
    pub fn new(actor: Actor, action: Action, target: Target) -> AuditEntry {
        AuditEntry { actor, action, target, before: None, after: None, reason: None, origin: None }
    }

    /// Who of the staff did it; `None` of a job's.
    pub fn staff(&self) -> Option<&UserId> {
        match &self.actor {
            Actor::Staff { user_id, .. } => Some(user_id),
            Actor::Job { .. } => None,
        }
    }

    /// The same with what it changes.
    #[must_use]
    pub fn with_diff(self, before: &Value, after: &Value) -> AuditEntry {
        AuditEntry { before: Some(before.to_string()), after: Some(after.to_string()), ..self }
    }

    /// The same with why.
    #[must_use]
    pub fn with_reason(self, reason: &str) -> AuditEntry {
        AuditEntry { reason: Some(reason.to_owned()), ..self }
    }
}

impl Head {
    /// Adds a deed.
    pub fn add(&mut self, deed: AuditEntry, at: Timestamp) -> AuditRecord {
        self.seq += 1;
        let previous = std::mem::take(&mut self.hash);
        let mut row = AuditRecord { seq: self.seq, at, deed, previous, hash: String::new() };
        row.hash = row.reckoned();
        self.hash.clone_from(&row.hash);
        row
    }
}

impl AuditRecord {
    /// What its hash has to be.
    fn reckoned(&self) -> String {
        // Fields in the order of their declaration: one spelling, whatever the table did to them.
        let said = (self.seq, self.at, &self.deed, &self.previous);
        // Texts, numbers and enums: nothing in it can fail to be written.
        let text = serde_json::to_string(&said).unwrap_or_default();
        Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// A chain being followed from its beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// The last row that was followed.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl Chain {
    /// Follows one more row, which was found at the place `at`; `None` is a place where no row can
    /// be.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn follow(&mut self, row: &AuditRecord, at: Option<u64>) -> Result<(), ChainBreak> {
        let expected = self.seq + 1;
        let broken = |seq, why| Err(ChainBreak { seq, why });
        match at {
            None => return broken(row.seq, Why::Inserted),
            Some(at) if at > expected => return broken(expected, Why::Missing),
            Some(at) if at < expected => return broken(at, Why::Inserted),
            Some(_) => {}
        }
        if row.hash != row.reckoned() {
            return broken(expected, Why::Tampered);
        }
        if row.seq != expected {
            return broken(expected, Why::OutOfPlace);
        }
        if row.previous != self.hash {
            // It is whole, but it does not follow on what is there: that was made anew, or this.
            return broken(expected, Why::Tampered);
        }
        *self = Chain { seq: expected, hash: row.hash.clone() };
        Ok(())
    }

    /// At the place `at` stands something that is no row.
    ///
    /// # Errors
    /// [`Broken`], always.
    pub fn garbled(&self, at: Option<u64>) -> Result<(), ChainBreak> {
        let expected = self.seq + 1;
        let (seq, why) = match at {
            None => (expected, Why::Inserted),
            Some(at) if at > expected => (expected, Why::Missing),
            Some(at) => (at, Why::Tampered),
        };
        Err(ChainBreak { seq, why })
    }

    /// There are no more rows.
    ///
    /// # Errors
    /// [`Broken`], when the end of the chain tells of others.
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

/// The ends a chain had, as they were kept where nobody of ours can change them: rows with their
/// hashes. A chain can be made anew from any row on, hashes and all; not so that it meets these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors(BTreeMap<u64, Vec<String>>);

impl Anchors {
    /// Whether the row that `chain` has come to is what was kept of it.
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

    /// Whether `chain`, which is at its end, has every row that was kept.
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
