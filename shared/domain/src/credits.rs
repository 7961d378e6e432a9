//! Credits: lots, holds, and the append-only ledger they are a fold of.
//!
//! A member's credits come in lots, each with a source and perhaps an end. Spending is in two
//! steps: a hold sets credits of particular lots aside, and exactly one capture or release ends it.
//! A [`Movement`] is the only thing that changes [`Credits`], and every movement becomes a
//! [`LedgerEntry`], so the balance is the fold of the ledger by construction.
//!
//! For every lot and for the whole: granted = available + held + spent + expired + revoked.
//! `available` is what the equation leaves and is never stored. An unlimited lot grants each credit
//! at the moment it is held, so the equation holds there too and use stays metered.
//!
//! Where a payment is taken back, what is left of its lot is revoked and what was spent of it is
//! owed. What becomes available pays it first, and while something is owed no counted credit can be
//! held. An unlimited lot neither pays a debt nor is blocked by one: it has no credits to give, and
//! its use was paid for.
//!
//! No grant is refused for the number of lots. It stays small because a grant adds to an open lot of
//! the same source and end, and because a lot that is used up is closed: an account has one lot of
//! packs, one for each month in which rewards end, those of staff (which they are limited in), the
//! period of a plan, and lots past their end that generations still hold credits of.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::{DomainError, ErrorKind},
    time::Timestamp,
};

/// Where a lot came from, in the order in which equal ends are spent: given before paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotSource {
    /// A gift; it never becomes a creator's cash.
    Promo,
    /// Granted by staff.
    Admin,
    /// A period of a plan.
    Plan,
    /// Bought as a pack.
    Purchase,
}

/// The business key of a grant: what it was granted for. An order, an invoice, a reward or an
/// idempotency record says whether that was granted before; as long as the account has a lot of that
/// name, the ledger itself refuses it too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LotId(pub String);

/// How a lot is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LotSize {
    /// A number of credits, granted at once.
    Credits(u32),
    /// No bound: a credit is granted whenever one is held.
    Unlimited,
}

/// What is said of a lot when it is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotTerms {
    /// Its business key.
    pub id: LotId,
    /// Where it came from.
    pub source: LotSource,
    /// How much it holds.
    pub size: LotSize,
    /// When what is left of it lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A lot as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// What it was granted as.
    #[serde(flatten)]
    pub terms: LotTerms,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// Credits ever put in.
    pub granted: u32,
    /// Credits set aside by open holds.
    pub held: u32,
    /// Credits captured.
    pub spent: u32,
    /// Credits that lapsed.
    pub expired: u32,
    /// Credits taken back, and unlimited credits that were released.
    pub revoked: u32,
}

impl Lot {
    /// Credits that are there to be held; an unlimited lot has none until one is asked for, see
    /// [`Lot::left`].
    pub fn available(&self) -> u32 {
        self.granted - self.held - self.spent - self.expired - self.revoked
    }

    /// What a hold can take of it before its end.
    pub fn left(&self) -> LotSize {
        match self.terms.size {
            LotSize::Credits(_) => LotSize::Credits(self.available()),
            LotSize::Unlimited => LotSize::Unlimited,
        }
    }

    /// Whether its end has come.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.terms.expires_at.is_some_and(|end| end <= now)
    }

    fn is_unlimited(&self) -> bool {
        matches!(self.terms.size, LotSize::Unlimited)
    }

    /// Nothing can happen to it any more. A period of a plan stays until its end, so that it cannot
    /// begin again within it.
    fn is_over(&self, now: Timestamp) -> bool {
        let is_period = self.terms.source == LotSource::Plan && self.terms.expires_at.is_some();
        let stays = (is_period || self.is_unlimited()) && !self.is_expired(now);
        !stays && self.available() == 0 && self.held == 0
    }

    /// Whether credits on these terms can be added to it.
    fn takes(&self, terms: &LotTerms, now: Timestamp) -> bool {
        let counted = |size: LotSize| matches!(size, LotSize::Credits(_));
        let alike = self.terms.source == terms.source && self.terms.expires_at == terms.expires_at;
        alike && counted(self.terms.size) && counted(terms.size) && !self.is_expired(now)
    }

    fn spending_order(&self) -> (bool, Option<Timestamp>, LotSource, Timestamp) {
        (self.terms.expires_at.is_none(), self.terms.expires_at, self.terms.source, self.granted_at)
    }
}

/// Part of a hold: so many credits of one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotAllocation {
    /// The lot.
    pub lot: LotId,
    /// Credits of it.
    pub credits: u32,
}

/// Credits set aside, and the lots they return to if released.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Never empty for a real hold.
    pub shares: Vec<LotAllocation>,
}

impl Hold {
    /// Credits set aside in all.
    pub fn credits(&self) -> u32 {
        sum(&self.shares)
    }
}

/// The one thing that changes credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Movement {
    /// Credits come into being, as a lot of their own or in one that is open.
    Grant {
        /// On these terms.
        lot: LotTerms,
        /// The open lot of the same source and end that they are added to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        into: Option<LotId>,
    },
    /// Available credits are set aside.
    Hold {
        /// From these lots.
        shares: Vec<LotAllocation>,
    },
    /// Credits set aside are spent.
    Capture {
        /// From these lots.
        shares: Vec<LotAllocation>,
    },
    /// Credits set aside go back.
    Release {
        /// To these lots.
        shares: Vec<LotAllocation>,
    },
    /// What was available in a lot lapses.
    Expire {
        /// So much of this lot.
        shares: Vec<LotAllocation>,
    },
    /// The end of a lot is brought forward to now: what is left of it, and what is released to it
    /// later, lapses.
    End {
        /// The lot.
        lot: LotId,
    },
    /// Available credits are taken back, because what paid for them was.
    Revoke {
        /// From these lots.
        shares: Vec<LotAllocation>,
    },
    /// Credits that were spent already are owed, because what paid for them was taken back.
    Owe {
        /// So many more.
        credits: u32,
    },
    /// Available credits pay what is owed.
    Repay {
        /// From these lots.
        shares: Vec<LotAllocation>,
    },
    /// What is owed is no longer, because what was taken back was returned.
    Forgive {
        /// So many fewer.
        credits: u32,
    },
}

impl Movement {
    /// The credits it moves.
    pub fn credits(&self) -> u32 {
        match self {
            Movement::Grant { lot, .. } => match lot.size {
                LotSize::Credits(credits) => credits,
                LotSize::Unlimited => 0,
            },
            Movement::Hold { shares }
            | Movement::Capture { shares }
            | Movement::Release { shares }
            | Movement::Expire { shares }
            | Movement::Revoke { shares }
            | Movement::Repay { shares } => sum(shares),
            Movement::Owe { credits } | Movement::Forgive { credits } => *credits,
            Movement::End { .. } => 0,
        }
    }
}

fn sum(shares: &[LotAllocation]) -> u32 {
    shares.iter().map(|share| share.credits).sum()
}

/// A line of the ledger. Lines are only ever added; a correction is a new line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// 1, 2, 3, … per account, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What caused it: a job, a period of a plan, an order. One cause moves the same way once.
    pub cause: String,
    /// What moved.
    #[serde(flatten)]
    pub movement: Movement,
    /// Credits available after it, for people who read the ledger.
    pub available_after: u32,
}

/// Sums over lots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Ever granted.
    pub granted: u32,
    /// Free to be held.
    pub available: u32,
    /// Set aside.
    pub held: u32,
    /// Captured.
    pub spent: u32,
    /// Lapsed.
    pub expired: u32,
    /// Taken back.
    pub revoked: u32,
}

impl Totals {
    fn add(mut self, lot: &Lot) -> Totals {
        self.granted += lot.granted;
        self.available += lot.available();
        self.held += lot.held;
        self.spent += lot.spent;
        self.expired += lot.expired;
        self.revoked += lot.revoked;
        self
    }
}

/// A member's credits: the open lots, and the sums of those that are over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    /// Lots that can still change, in order of their grant.
    pub lots: Vec<Lot>,
    /// Sums of the lots that were put away.
    #[serde(default)]
    closed: Totals,
    /// Spent credits whose payment was taken back; no counted credit can be held while it is not
    /// zero.
    #[serde(default)]
    pub debt: u32,
    /// The number of the last ledger entry.
    #[serde(default)]
    pub ledger_seq: u64,
}

/// Why a hold was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{needed} credit(s) needed, {available} available{}.", owed(*.debt))]
pub struct InsufficientCredits {
    /// What the hold wanted.
    pub needed: u32,
    /// What is there.
    pub available: u32,
    /// What is owed first.
    pub debt: u32,
    /// When the plan grants again, if it does.
    pub next_grant_at: Option<Timestamp>,
}

fn owed(debt: u32) -> String {
    if debt == 0 { String::new() } else { format!(", {debt} owed") }
}

impl DomainError for InsufficientCredits {
    fn kind(&self) -> ErrorKind {
        ErrorKind::PaymentRequired
    }
    fn code(&self) -> &'static str {
        "insufficient_credits"
    }
    fn extensions(&self) -> Vec<(&'static str, Value)> {
        let missing = self.debt + self.needed.saturating_sub(self.available);
        vec![
            ("needed", json!(self.needed)),
            ("available", json!(self.available)),
            ("missing", json!(missing)),
            ("debt", json!(self.debt)),
            ("next_grant_at", json!(self.next_grant_at)),
        ]
    }
}

/// A movement that contradicts the balance: a fault of ours, never of a caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger would break: {0}")]
pub struct LedgerError(String);

impl LedgerError {
    /// What would break, for our own eyes.
    pub(crate) fn new(what: String) -> LedgerError {
        LedgerError(what)
    }
}

impl DomainError for LedgerError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }
    fn code(&self) -> &'static str {
        "ledger_broken"
    }
}

impl Credits {
    /// Sums over all lots there ever were.
    pub fn totals(&self) -> Totals {
        self.lots.iter().fold(self.closed, Totals::add)
    }

    /// Whether some lot has no bound at `now`.
    pub fn is_unlimited(&self, now: Timestamp) -> bool {
        self.lots.iter().any(|lot| lot.is_unlimited() && !lot.is_expired(now))
    }

    /// Which lots `needed` credits would come from: soonest end, then given before paid, then
    /// oldest. `None` if they do not hold so many. While something is owed only an unlimited lot
    /// counts.
    pub fn choose(&self, needed: u32, now: Timestamp) -> Option<Vec<LotAllocation>> {
        let (shares, missing) =
            self.gather(needed, now, |lot| self.debt == 0 || lot.is_unlimited());
        (missing == 0).then_some(shares)
    }

    /// What is there to pay what is owed, in the order of spending; empty when nothing is owed.
    pub fn repayable(&self, now: Timestamp) -> Vec<LotAllocation> {
        self.gather(self.debt, now, |lot| !lot.is_unlimited()).0
    }

    /// What a hold could take of one lot now; nothing of one that is closed or has lapsed.
    pub fn left_of(&self, lot: &LotId, now: Timestamp) -> LotSize {
        let open = self.lots.iter().find(|open| open.terms.id == *lot && !open.is_expired(now));
        open.map_or(LotSize::Credits(0), Lot::left)
    }

    /// Whether a lot is open and its end has not come.
    pub fn is_live(&self, lot: &LotId, now: Timestamp) -> bool {
        self.lots.iter().any(|open| open.terms.id == *lot && !open.is_expired(now))
    }

    /// The open lot that a grant on these terms adds to, so that lots of one source and end are one.
    pub fn open_lot_for(&self, terms: &LotTerms, now: Timestamp) -> Option<&LotId> {
        let open = self.lots.iter().find(|lot| !lot.is_over(now) && lot.takes(terms, now));
        open.map(|lot| &lot.terms.id)
    }

    /// Up to `wanted` credits that were granted already, given ones before paid ones, the latest end
    /// first: what would be spent last is what its owner counts on least.
    pub fn revocable(&self, wanted: u32, now: Timestamp) -> Vec<LotAllocation> {
        let live = self.lots.iter().filter(|lot| !lot.is_expired(now) && lot.available() > 0);
        let mut order: Vec<&Lot> = live.collect();
        order.sort_by_key(|lot| (lot.terms.source, std::cmp::Reverse(lot.spending_order())));
        let mut missing = wanted;
        let mut shares = Vec::new();
        for lot in order {
            let credits = missing.min(lot.available());
            if credits > 0 {
                shares.push(LotAllocation { lot: lot.terms.id.clone(), credits });
                missing -= credits;
            }
        }
        shares
    }

    /// Up to `needed` credits of the lots that `counts`, and how many are missing.
    fn gather(
        &self,
        needed: u32,
        now: Timestamp,
        counts: impl Fn(&Lot) -> bool,
    ) -> (Vec<LotAllocation>, u32) {
        let live = self.lots.iter().filter(|lot| !lot.is_expired(now) && counts(lot));
        let mut order: Vec<&Lot> = live.collect();
        order.sort_by_key(|lot| lot.spending_order());
        let mut missing = needed;
        let mut shares = Vec::new();
        for lot in order {
            let credits = match lot.left() {
                LotSize::Unlimited => missing,
                LotSize::Credits(left) => missing.min(left),
            };
            if credits > 0 {
                shares.push(LotAllocation { lot: lot.terms.id.clone(), credits });
                missing -= credits;
            }
        }
        (shares, missing)
    }

    /// What has lapsed by `now` and is still counted as available.
    pub fn expiring(&self, now: Timestamp) -> Vec<LotAllocation> {
        let gone = self.lots.iter().filter(|lot| lot.is_expired(now) && lot.available() > 0);
        gone.map(|lot| LotAllocation { lot: lot.terms.id.clone(), credits: lot.available() })
            .collect()
    }

    /// Carries a movement out and writes its line.
    ///
    /// # Errors
    /// When the movement contradicts the balance; nothing is changed then.
    pub fn post(
        &mut self,
        cause: &str,
        movement: Movement,
        now: Timestamp,
    ) -> Result<LedgerEntry, LedgerError> {
        let mut after = self.clone();
        after.apply(&movement, now)?;
        after.archive_closed(now);
        after.ledger_seq += 1;
        *self = after;
        Ok(LedgerEntry {
            seq: self.ledger_seq,
            at: now,
            cause: cause.to_owned(),
            movement,
            available_after: self.totals().available,
        })
    }

    /// The balance that a whole ledger amounts to.
    ///
    /// # Errors
    /// When a line is missing, out of order, or contradicts those before it.
    pub fn fold<'a>(
        entries: impl IntoIterator<Item = &'a LedgerEntry>,
    ) -> Result<Credits, LedgerError> {
        let mut credits = Credits::default();
        for entry in entries {
            let again = credits.post(&entry.cause, entry.movement.clone(), entry.at)?;
            if again != *entry {
                return Err(LedgerError(format!("line {} is not the next one", entry.seq)));
            }
        }
        Ok(credits)
    }

    fn apply(&mut self, movement: &Movement, now: Timestamp) -> Result<(), LedgerError> {
        match movement {
            Movement::Grant { lot, into } => self.grant(lot, into.as_ref(), now),
            Movement::Hold { shares } => self.each(shares, |lot, credits| {
                if lot.is_unlimited() {
                    lot.granted += credits;
                }
                (lot.available() >= credits).then(|| lot.held += credits)
            }),
            Movement::Capture { shares } => self.each(shares, |lot, credits| {
                lot.held = lot.held.checked_sub(credits)?;
                lot.spent += credits;
                Some(())
            }),
            Movement::Release { shares } => self.each(shares, |lot, credits| {
                lot.held = lot.held.checked_sub(credits)?;
                if lot.is_unlimited() {
                    lot.revoked += credits;
                }
                Some(())
            }),
            Movement::Expire { shares } => self.each(shares, |lot, credits| {
                let due = lot.is_expired(now) && lot.available() >= credits;
                due.then(|| lot.expired += credits)
            }),
            Movement::End { lot } => self.end_lot(lot, now),
            Movement::Revoke { shares } => self.each(shares, |lot, credits| {
                (lot.available() >= credits).then(|| lot.revoked += credits)
            }),
            Movement::Owe { credits } => {
                self.debt += credits;
                Ok(())
            }
            Movement::Repay { shares } => {
                // Older ledgers have debts that an unlimited lot paid.
                self.each(shares, |lot, credits| {
                    if lot.is_unlimited() {
                        lot.granted += credits;
                    }
                    (lot.available() >= credits).then(|| lot.revoked += credits)
                })?;
                self.owe_less(sum(shares))
            }
            Movement::Forgive { credits } => self.owe_less(*credits),
        }
    }

    fn owe_less(&mut self, credits: u32) -> Result<(), LedgerError> {
        self.debt = self
            .debt
            .checked_sub(credits)
            .ok_or_else(|| LedgerError(format!("{credits} credit(s) of {} owed", self.debt)))?;
        Ok(())
    }

    fn end_lot(&mut self, id: &LotId, now: Timestamp) -> Result<(), LedgerError> {
        self.lots
            .iter_mut()
            .find(|lot| lot.terms.id == *id && !lot.is_expired(now))
            .map(|lot| lot.terms.expires_at = Some(now))
            .ok_or_else(|| LedgerError(format!("the end of {}", id.0)))
    }

    fn grant(
        &mut self,
        terms: &LotTerms,
        into: Option<&LotId>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        if self.lots.iter().any(|lot| lot.terms.id == terms.id) {
            return Err(LedgerError(format!("lot {} exists", terms.id.0)));
        }
        let granted = match terms.size {
            LotSize::Credits(credits) => credits,
            LotSize::Unlimited => 0,
        };
        if let Some(into) = into {
            let open =
                self.lots.iter_mut().find(|lot| lot.terms.id == *into && lot.takes(terms, now));
            return open
                .map(|lot| lot.granted += granted)
                .ok_or_else(|| LedgerError(format!("{} added to {}", terms.id.0, into.0)));
        }
        self.lots.push(Lot {
            terms: terms.clone(),
            granted_at: now,
            granted,
            held: 0,
            spent: 0,
            expired: 0,
            revoked: 0,
        });
        Ok(())
    }

    fn each(
        &mut self,
        shares: &[LotAllocation],
        mut change: impl FnMut(&mut Lot, u32) -> Option<()>,
    ) -> Result<(), LedgerError> {
        for share in shares {
            self.lots
                .iter_mut()
                .find(|lot| lot.terms.id == share.lot)
                .and_then(|lot| change(lot, share.credits))
                .ok_or_else(|| {
                    LedgerError(format!("{} credit(s) of {}", share.credits, share.lot.0))
                })?;
        }
        Ok(())
    }

    fn archive_closed(&mut self, now: Timestamp) {
        let over = self.lots.iter().filter(|lot| lot.is_over(now));
        self.closed = over.fold(self.closed, Totals::add);
        self.lots.retain(|lot| !lot.is_over(now));
    }
}

#[cfg(test)]
mod tests;
