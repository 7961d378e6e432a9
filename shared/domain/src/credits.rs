//! Credits: lots, holds, and the append-only ledger from which the balance is folded.
//!
//! Credits come in lots, each with a source and an optional end. Spending has two steps: a hold
//! sets credits of particular lots aside, and exactly one capture or release closes it. Only a
//! [`Movement`] changes [`Credits`], and every movement becomes a [`LedgerEntry`], so the balance
//! is the fold of the ledger by construction.
//!
//! For every lot and in total: granted = available + held + spent + expired + revoked. `available`
//! is derived from the equation and never stored. An unlimited lot grants each credit at the moment
//! it is held, so the equation holds there too and use stays metered.
//!
//! When a payment is taken back, what is left of its lot is revoked and what was spent of it
//! becomes debt. Credits that become available repay the debt first, and while there is debt no
//! counted credit can be held. An unlimited lot neither repays a debt nor is blocked by one: it has
//! no credits to give, and its use was paid for.
//!
//! No grant is refused for the number of lots. The number stays small because a grant adds to an
//! open lot of the same source and end, and because a used-up lot is closed: an account has one lot
//! of packs, one for each month in which rewards end, those of staff (which are limited), the
//! plan's period, and ended lots of which generations still hold credits.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::time::Timestamp;

/// The source of a lot, in the order in which lots with equal ends are spent: free before paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LotSource {
    /// A reward or gift; never converted to a creator's cash.
    Promo,
    /// Granted by staff.
    Admin,
    /// A period of a plan.
    Plan,
    /// Bought as a pack.
    Purchase,
}

/// The business key of a grant: what it was granted for. An order, an invoice, a reward or an
/// idempotency record tells whether it was already granted; while the account has a lot with that
/// key, the ledger itself refuses a second one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct LotId(pub String);

/// The size of a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LotSize {
    /// A number of credits, granted at once.
    Credits(u32),
    /// Unlimited: a credit is granted whenever one is held.
    Unlimited,
}

/// The terms of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LotTerms {
    /// Its business key.
    pub id: LotId,
    /// Where it came from.
    pub source: LotSource,
    /// How many credits it grants.
    pub size: LotSize,
    /// When what is left of it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A lot with its current amounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Lot {
    /// The terms on which it was granted.
    #[serde(flatten)]
    pub terms: LotTerms,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// Credits granted in total.
    pub granted: u32,
    /// Credits in open holds.
    pub held: u32,
    /// Credits captured.
    pub spent: u32,
    /// Credits that expired.
    pub expired: u32,
    /// Credits revoked, and unlimited credits that were released.
    pub revoked: u32,
}

impl Lot {
    /// Credits that can be held; an unlimited lot has none until a hold asks for them, see
    /// [`Lot::left`].
    pub fn available(&self) -> u32 {
        self.granted - self.held - self.spent - self.expired - self.revoked
    }

    /// What a hold can take from it before its end.
    pub fn left(&self) -> LotSize {
        match self.terms.size {
            LotSize::Credits(_) => LotSize::Credits(self.available()),
            LotSize::Unlimited => LotSize::Unlimited,
        }
    }

    /// Whether its end has passed.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.terms.expires_at.is_some_and(|end| end <= now)
    }

    fn is_unlimited(&self) -> bool {
        matches!(self.terms.size, LotSize::Unlimited)
    }

    /// Whether it can no longer change. A plan period stays until its end, so that it cannot begin
    /// twice.
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

/// Part of a hold: credits of one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LotAllocation {
    /// The lot.
    pub lot: LotId,
    /// Credits of it.
    pub credits: u32,
}

/// Credits set aside, with the lots they return to when released.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Never empty in an open hold.
    pub shares: Vec<LotAllocation>,
}

impl Hold {
    /// Credits set aside in total.
    pub fn credits(&self) -> u32 {
        sum(&self.shares)
    }
}

/// A change of credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Movement {
    /// Credits are granted, as a new lot or into an open one.
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
    /// The available credits of an ended lot expire.
    Expire {
        /// From this lot.
        shares: Vec<LotAllocation>,
    },
    /// The end of a lot is brought forward to now: what is left of it, and what is released to it
    /// later, expires.
    End {
        /// The lot.
        lot: LotId,
    },
    /// Available credits are revoked, because their payment was taken back.
    Revoke {
        /// From these lots.
        shares: Vec<LotAllocation>,
    },
    /// Credits that were already spent become debt, because their payment was taken back.
    Owe {
        /// Added to the debt.
        credits: u32,
    },
    /// Available credits repay debt.
    Repay {
        /// From these lots.
        shares: Vec<LotAllocation>,
    },
    /// Debt is forgiven, because a payment that was taken back was returned.
    Forgive {
        /// Removed from the debt.
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

/// An entry of the ledger. Entries are append-only; a correction is a new entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LedgerEntry {
    /// 1, 2, 3, … per account, without gaps.
    pub seq: u64,
    /// When it was posted.
    pub at: Timestamp,
    /// The cause: a job, a plan period, an order. One cause makes the same movement only once.
    pub cause: String,
    /// What moved.
    #[serde(flatten)]
    pub movement: Movement,
    /// Credits available afterwards, for readers of the ledger.
    pub available_after: u32,
}

/// Sums over lots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// Granted in total.
    pub granted: u32,
    /// Available to be held.
    pub available: u32,
    /// In open holds.
    pub held: u32,
    /// Captured.
    pub spent: u32,
    /// Expired.
    pub expired: u32,
    /// Revoked.
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

/// A member's credits: the open lots, and the totals of the closed ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Credits {
    /// Lots that can still change, in order of their grant.
    pub lots: Vec<Lot>,
    /// Totals of the closed lots that were archived.
    #[serde(default)]
    closed: Totals,
    /// Spent credits whose payment was taken back; while it is not zero, no counted credit can be
    /// held.
    #[serde(default)]
    pub debt: u32,
    /// The sequence number of the last ledger entry.
    #[serde(default)]
    pub ledger_seq: u64,
}

/// There are not enough credits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} needed, {available} available{}. Buy credits or a plan.", counted(*needed), owed(*.debt))]
pub struct InsufficientCredits {
    /// Credits that the hold needs.
    pub needed: u32,
    /// Credits that are available.
    pub available: u32,
    /// Debt, which is repaid first.
    pub debt: u32,
    /// When the plan grants next, if it does.
    pub next_grant_at: Option<Timestamp>,
}

/// `1 credit`, `2 credits`.
pub fn counted(credits: u32) -> String {
    if credits == 1 { "1 credit".to_owned() } else { format!("{credits} credits") }
}

fn owed(debt: u32) -> String {
    if debt == 0 { String::new() } else { format!(", {debt} owed") }
}

crate::domain_error! {
    InsufficientCredits => PaymentRequired, "insufficient_credits";
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

/// A movement that contradicts the balance: an internal fault, never the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ledger movement refused: {0}")]
pub struct LedgerError(String);

impl LedgerError {
    /// `what` describes the contradiction; it is logged, never shown to a caller.
    pub(crate) fn new(what: String) -> LedgerError {
        LedgerError(what)
    }
}

crate::domain_error!(LedgerError => Internal, "ledger_broken");

impl Credits {
    /// Totals over all lots, open and closed.
    pub fn totals(&self) -> Totals {
        self.lots.iter().fold(self.closed, Totals::add)
    }

    /// Whether an unlimited lot is open at `now`.
    pub fn is_unlimited(&self, now: Timestamp) -> bool {
        self.lots.iter().any(|lot| lot.is_unlimited() && !lot.is_expired(now))
    }

    /// The lots from which `needed` credits would be held: soonest end first, then free before
    /// paid, then oldest. `None` if they hold too few. While there is debt, only unlimited lots
    /// count.
    pub fn choose(&self, needed: u32, now: Timestamp) -> Option<Vec<LotAllocation>> {
        let (shares, missing) =
            self.gather(needed, now, |lot| self.debt == 0 || lot.is_unlimited());
        (missing == 0).then_some(shares)
    }

    /// The available credits that can repay the debt, in spending order; empty without debt.
    pub fn repayable(&self, now: Timestamp) -> Vec<LotAllocation> {
        self.gather(self.debt, now, |lot| !lot.is_unlimited()).0
    }

    /// What a hold could take from one lot now; zero if it is closed or expired.
    pub fn left_of(&self, lot: &LotId, now: Timestamp) -> LotSize {
        let open = self.lots.iter().find(|open| open.terms.id == *lot && !open.is_expired(now));
        open.map_or(LotSize::Credits(0), Lot::left)
    }

    /// Whether a lot is open and has not expired.
    pub fn is_live(&self, lot: &LotId, now: Timestamp) -> bool {
        self.lots.iter().any(|open| open.terms.id == *lot && !open.is_expired(now))
    }

    /// The open lot to which a grant on these terms is added: one lot per source and end.
    pub fn open_lot_for(&self, terms: &LotTerms, now: Timestamp) -> Option<&LotId> {
        let open = self.lots.iter().find(|lot| !lot.is_over(now) && lot.takes(terms, now));
        open.map(|lot| &lot.terms.id)
    }

    /// Up to `wanted` available credits, free before paid and latest end first: the owner relies
    /// least on what would be spent last.
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

    /// Up to `needed` credits from the lots that match `counts`, and how many are missing.
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

    /// Credits that have ended by `now` and are still counted as available.
    pub fn expiring(&self, now: Timestamp) -> Vec<LotAllocation> {
        let ended = self.lots.iter().filter(|lot| lot.is_expired(now) && lot.available() > 0);
        ended
            .map(|lot| LotAllocation { lot: lot.terms.id.clone(), credits: lot.available() })
            .collect()
    }

    /// Applies a movement and returns its entry.
    ///
    /// # Errors
    /// When the movement contradicts the balance, which is then unchanged.
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

    /// The balance that a complete ledger yields.
    ///
    /// # Errors
    /// When an entry is missing, out of order, or contradicts those before it.
    pub fn fold<'a>(
        entries: impl IntoIterator<Item = &'a LedgerEntry>,
    ) -> Result<Credits, LedgerError> {
        let mut credits = Credits::default();
        for entry in entries {
            credits.append(entry)?;
        }
        Ok(credits)
    }

    /// Applies the next entry of a ledger that is read entry by entry.
    ///
    /// # Errors
    /// When an entry is missing before it, or it contradicts those before it.
    pub fn append(&mut self, entry: &LedgerEntry) -> Result<(), LedgerError> {
        let again = self.post(&entry.cause, entry.movement.clone(), entry.at)?;
        match again == *entry {
            true => Ok(()),
            false => Err(LedgerError(format!("entry {} is out of order", entry.seq))),
        }
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
                // Older ledgers have debts that an unlimited lot repaid.
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
            .ok_or_else(|| LedgerError(format!("{credits} credit(s) repaid of {}", self.debt)))?;
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
