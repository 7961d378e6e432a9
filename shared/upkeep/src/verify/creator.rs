//! A creator's balance, sales, payouts and journal.

use std::collections::BTreeMap;

use domain::{
    id::{PayoutId, PurchaseId, UserId},
    marketplace::creator::{
        balance::CreatorBalance,
        cause::Cause,
        journal::{Balances, Entry, LedgerAccount, Role},
        payee::Payee,
        payout::{Payout, PayoutState},
        sale::{Sale, Split},
    },
};
use store::{Store, StoreError, optional};

/// What was read of a creator so far.
#[derive(Default)]
pub(super) struct CreatorCheck {
    balance: Option<CreatorBalance>,
    payee: Option<Payee>,
    /// Their payouts, each with the number and the sum of the sales in it.
    payouts: BTreeMap<PayoutId, (Payout, u32, i64)>,
    /// What is left of each sale.
    sales: BTreeMap<PurchaseId, Split>,
    /// What the sales that are in no payout add up to, by the account it is owed on.
    owed: BTreeMap<LedgerAccount, i64>,
    frozen: i64,
    found: Vec<String>,
}

/// The journal of a creator, as it is read.
#[derive(Default)]
struct Folded {
    balances: Balances,
    /// The cause that is being read, and the sum of its postings.
    cause: Option<(Cause, i64)>,
    /// The creator's shares and the platform's fees, by the purchase that they are about.
    splits: BTreeMap<String, Split>,
    found: Vec<String>,
}

impl CreatorCheck {
    pub(super) fn balance(&mut self, balance: CreatorBalance) {
        self.balance = Some(balance);
    }

    pub(super) fn payee(&mut self, payee: Payee) {
        self.payee = Some(payee);
    }

    /// Payouts come before sales.
    pub(super) fn payout(&mut self, payout: Payout) {
        self.payouts.insert(payout.id.clone(), (payout, 0, 0));
    }

    pub(super) fn sale(&mut self, sale: Sale) {
        self.frozen += sale.frozen_part();
        match &sale.payout_id {
            None => *self.owed.entry(sale.account()).or_default() += sale.kept.net,
            Some(payout) => match self.payouts.get_mut(payout) {
                Some((_, sales, collected)) => {
                    *sales += 1;
                    *collected += sale.collected;
                }
                None => {
                    let sale = &sale.purchase_id;
                    self.found.push(format!("the sale of {sale} is in {payout}, which is missing"));
                }
            },
        }
        self.sales.insert(sale.purchase_id, sale.kept);
    }

    pub(super) async fn end(
        mut self,
        store: &Store,
        user: &UserId,
    ) -> Result<Vec<String>, StoreError> {
        if let Some(payee) = &self.payee {
            let account = &payee.account_id;
            if store.creator_of_account(account).await?.as_ref() != Some(user) {
                self.found.push(format!("the connected account {account} does not lead back"));
            }
        }
        for purchase in self.sales.keys() {
            if optional(store.buyer_of(purchase).await)?.is_none() {
                self.found.push(format!("the sale of {purchase} has no purchase"));
            }
        }
        let Some(balance) = self.balance.take() else {
            if !self.sales.is_empty() || !self.payouts.is_empty() {
                self.found.push("sales or payouts have no balance".to_owned());
            }
            return Ok(self.found);
        };
        let mut folded = Folded::default();
        store
            .visit_journal(user, |entry| match entry {
                Ok(entry) => folded.add(&entry),
                Err((sk, error)) => folded.found.push(format!("{sk} cannot be read: {error:?}")),
            })
            .await?;
        folded.close_cause();
        self.check_journal(&balance, &folded);
        self.check_sums(&balance);
        self.found.append(&mut folded.found);
        Ok(self.found)
    }

    fn check_journal(&mut self, balance: &CreatorBalance, folded: &Folded) {
        for (account, stored, summed) in balance.balances.differences(&folded.balances) {
            self.found.push(format!("{account:?} is {stored}, its postings add up to {summed}"));
        }
        for (purchase, kept) in &self.sales {
            let posted = folded.splits.get(purchase.as_str()).copied().unwrap_or_default();
            if posted != *kept {
                self.found.push(format!("the sale of {purchase} is {kept:?}, posted {posted:?}"));
            }
        }
        let unsold = folded.splits.iter().filter(|(about, split)| {
            let sale = PurchaseId::parse(about).ok().and_then(|id| self.sales.get(&id));
            sale.is_none() && **split != Split::default()
        });
        let unsold =
            unsold.map(|(about, split)| format!("{about} is posted {split:?} and not sold"));
        let mut unsold: Vec<String> = unsold.collect();
        self.found.append(&mut unsold);
    }

    /// What the balance says must be what sales and payouts add up to.
    fn check_sums(&mut self, balance: &CreatorBalance) {
        let owed = |account| self.owed.get(&account).copied().unwrap_or_default();
        let (mut in_payout, mut sent) = (0, 0);
        for (payout, ..) in self.payouts.values() {
            sent += payout.standing();
            let is_failed = matches!(payout.state, PayoutState::Failed { .. });
            if payout.is_unsent() || (is_failed && payout.transfer.is_none()) {
                in_payout += payout.collected - payout.settled;
            }
        }
        let accounts = [
            (LedgerAccount::CreatorPending, owed(LedgerAccount::CreatorPending)),
            (LedgerAccount::CreatorAvailable, owed(LedgerAccount::CreatorAvailable)),
            (LedgerAccount::CreatorInPayout, in_payout),
            (LedgerAccount::CreatorPaid, sent),
            (LedgerAccount::Transferred, -sent),
        ];
        for (account, expected) in accounts {
            let stored = balance.balances.owed(account);
            if stored != expected {
                self.found.push(format!(
                    "{account:?} is {stored}, sales and payouts add up to {expected}"
                ));
            }
        }
        if balance.frozen != self.frozen {
            let (stored, summed) = (balance.frozen, self.frozen);
            self.found.push(format!("disputes hold {stored}, their sales add up to {summed}"));
        }
        for (payout, sales, collected) in self.payouts.values() {
            let (id, is_lock) = (&payout.id, balance.payout.as_ref() == Some(&payout.id));
            if (payout.sales, payout.collected) != (*sales, *collected) {
                self.found.push(format!(
                    "{id} has {} sales of {}, stored are {sales} of {collected}",
                    payout.sales, payout.collected
                ));
            }
            if is_lock != payout.is_unsent() && !(is_lock && payout.is_open()) {
                self.found.push(format!("{id} is {:?}, the open payout: {is_lock}", payout.state));
            }
        }
        let lost = balance.payout.as_ref().filter(|id| !self.payouts.contains_key(id));
        self.found.extend(lost.map(|id| format!("the open payout {id} is missing")));
    }
}

impl Folded {
    fn add(&mut self, entry: &Entry) {
        if self.cause.as_ref().is_none_or(|(cause, _)| *cause != entry.cause) {
            self.close_cause();
            self.cause = Some((entry.cause.clone(), 0));
        }
        if let Some((_, sum)) = &mut self.cause {
            *sum += entry.leg.amount;
        }
        self.balances.add(&entry.leg);
        let part = |role| if entry.leg.role == role { -entry.leg.amount } else { 0 };
        let (fee, net) = (part(Role::PlatformFee), part(Role::CreatorShare));
        if fee == 0 && net == 0 {
            return;
        }
        let split = self.splits.entry(entry.about.clone()).or_default();
        *split = split.plus(Split { gross: fee + net, fee, net });
    }

    /// Checks that the cause that was read balances.
    fn close_cause(&mut self) {
        let Some((cause, sum)) = self.cause.take() else { return };
        if sum != 0 {
            self.found.push(format!("the postings of {cause} add up to {sum}"));
        }
    }
}
