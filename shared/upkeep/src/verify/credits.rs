//! A member's credits, generations and keys.

use std::collections::BTreeSet;

use domain::{
    account::{Account, api_key::ApiKey},
    billing::{
        external::SessionId,
        invoice::{Invoice, Issue},
        order::PackOrder,
    },
    credits::{Credits, LedgerEntry, LedgerError, Movement},
    generation::{ChargeState, Job},
    marketplace::{
        community::reward::{Reward, RewardState},
        creator::cause::Cause,
    },
};
use store::{Store, StoreError};

/// The lots that an order, an invoice or a reward must have granted, by the beginning of their id;
/// all other lots are granted by the clock or by staff.
const GRANTED_FOR: [&str; 3] = ["pack:", "plan:", "reward:"];
/// What a lot that gives credits back has in its id: it is granted by the same cause as the first.
const RETURNED: &str = ":returned:";

/// What was read of a member so far.
#[derive(Default)]
pub(super) struct CreditsCheck {
    account: Option<Account>,
    /// The fold of the ledger, until an entry contradicts it.
    folded: Credits,
    broken: Option<LedgerError>,
    /// The lots that the ledger grants.
    granted: BTreeSet<String>,
    /// What names a lot that it was granted, and that lot.
    claimed: Vec<(String, String)>,
    paid_orders: BTreeSet<String>,
    /// The orders of which there is a receipt.
    receipts: BTreeSet<String>,
    /// Inputs whose job was not read yet.
    inputs: BTreeSet<String>,
    open_jobs: u32,
    held: u32,
    presets: u32,
    keys: Vec<ApiKey>,
    key_count: u32,
    found: Vec<String>,
}

impl CreditsCheck {
    pub(super) fn account(&mut self, account: Account) {
        self.account = Some(account);
    }

    pub(super) fn input(&mut self, job: String) {
        self.inputs.insert(job);
    }

    pub(super) fn job(&mut self, job: &Job) {
        if !self.inputs.remove(job.id.as_str()) {
            self.found.push(format!("{} has no input", job.id));
        }
        if !job.status.is_final() {
            self.open_jobs += 1;
            self.held += job.charge.credits;
        }
        let is_charged = job.charge.state == ChargeState::Captured;
        if is_charged != job.image.is_some() {
            let (charge, image) = (job.charge.state, job.image.is_some());
            self.found.push(format!("{}: its credit is {charge:?}, has an image: {image}", job.id));
        }
    }

    pub(super) fn preset(&mut self) {
        self.presets += 1;
    }

    pub(super) fn api_key(&mut self, key: ApiKey) {
        self.keys.push(key);
    }

    /// An entry, in the order of their numbers.
    pub(super) fn ledger(&mut self, entry: &LedgerEntry) {
        if let Movement::Grant { lot, .. } = &entry.movement {
            self.granted.insert(lot.id.0.clone());
        }
        if self.broken.is_none() {
            self.broken = self.folded.append(entry).err();
        }
    }

    pub(super) fn order(&mut self, order: &PackOrder) {
        if order.lot.is_some() {
            self.paid_orders.insert(order.id.to_string());
            let session = order.session.as_ref().map(SessionId::as_str);
            let key = session.or(order.payment.as_ref().map(|payment| payment.as_str()));
            let lot = format!("pack:{}", key.unwrap_or_default());
            self.claimed.push((order.id.to_string(), lot));
        }
    }

    pub(super) fn invoice(&mut self, invoice: &Invoice) {
        // A receipt repeats what its order was granted.
        if let Issue::Pack { order } = &invoice.issue {
            self.receipts.insert(order.to_string());
            return;
        }
        let lots = invoice.granted.iter();
        self.claimed.extend(lots.map(|lot| (invoice.id.to_string(), lot.0.clone())));
    }

    pub(super) fn reward(&mut self, reward: &Reward) {
        let is_granted = matches!(reward.state, RewardState::Granted { .. });
        let grants = reward.reversals + u32::from(is_granted);
        for reversals in 0..grants {
            let cause = Cause::Reward { purchase: reward.purchase_id.clone(), reversals };
            let whose = format!("the reward of {}", reward.purchase_id);
            self.claimed.push((whose, cause.to_string()));
        }
    }

    pub(super) async fn end(mut self, store: &Store) -> Result<Vec<String>, StoreError> {
        self.check_grants();
        for key in std::mem::take(&mut self.keys) {
            self.key_count += 1;
            if !store.leads_to_member(&key).await? {
                self.found.push(format!("{} does not lead back to its member", key.id));
            }
        }
        match self.account.take() {
            Some(account) => self.check_account(&account),
            None if self.folded.ledger_seq > 0 || self.broken.is_some() => {
                self.found.push("a ledger has no account".to_owned());
            }
            None => {}
        }
        Ok(self.found)
    }

    fn check_account(&mut self, account: &Account) {
        match &self.broken {
            Some(broken) => {
                let last = self.folded.ledger_seq;
                self.found.push(format!("the ledger breaks after entry {last}: {broken}"));
            }
            None if self.folded != account.credits => {
                let (entries, stored) = (&self.folded, &account.credits);
                self.found.push(format!(
                    "the ledger's {} entries fold to {:?}, the account has {:?} after {}",
                    entries.ledger_seq,
                    entries.totals(),
                    stored.totals(),
                    stored.ledger_seq
                ));
            }
            None => {}
        }
        let held = account.credits.totals().held;
        self.compare("credits held and those of open jobs", held, self.held);
        self.compare("open jobs of the account and stored", account.open_jobs, self.open_jobs);
        // A deletion removes jobs first and then their inputs, and counts at its end.
        if account.deletion.is_none() {
            self.compare("presets of the account and stored", account.presets, self.presets);
            self.compare("API keys of the account and stored", account.api_keys, self.key_count);
            let left = std::mem::take(&mut self.inputs);
            self.found.extend(left.iter().map(|job| format!("the input of {job} has no job")));
        }
    }

    fn compare(&mut self, what: &str, counted: u32, stored: u32) {
        if counted != stored {
            self.found.push(format!("{what} differ: {counted} and {stored}"));
        }
    }

    fn check_grants(&mut self) {
        let without = |these: &BTreeSet<String>, those: &BTreeSet<String>, what: &str| {
            these.difference(those).map(|it| format!("{it} {what}")).collect::<Vec<_>>()
        };
        self.found.extend(without(&self.receipts, &self.paid_orders, "has a receipt, no order"));
        self.found.extend(without(&self.paid_orders, &self.receipts, "is paid, has no receipt"));
        let claimed: BTreeSet<&str> = self.claimed.iter().map(|(_, lot)| lot.as_str()).collect();
        let of_something = |lot: &&String| {
            GRANTED_FOR.iter().any(|kind| lot.starts_with(kind)) && !lot.contains(RETURNED)
        };
        let unclaimed = self.granted.iter().filter(of_something);
        let unclaimed = unclaimed.filter(|lot| !claimed.contains(lot.as_str()));
        let mut found: Vec<String> =
            unclaimed.map(|lot| format!("the ledger grants {lot}, which nothing names")).collect();
        let missing = self.claimed.iter().filter(|(_, lot)| !self.granted.contains(lot));
        found.extend(missing.map(|(whose, lot)| {
            format!("{whose} was granted {lot}, which the ledger does not grant")
        }));
        self.found.append(&mut found);
    }
}
