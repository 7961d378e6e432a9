//! Controls of connected accounts: actions of their owners, their banks and Stripe.

use serde_json::Value;

use super::{Control, ControlError};
use crate::stripe::{
    Balance,
    accounts::{self, Bank},
    balance, payouts,
};

impl Control<'_> {
    /// Completes the onboarding of a connected account: it can receive transfers. A second call
    /// changes the bank account.
    ///
    /// # Errors
    /// If there is no such account, or it is closed.
    pub fn onboard(&self, account: &str, bank: Bank) -> Result<(), ControlError> {
        self.with(|state| Ok(accounts::onboard(state, account, bank)?))
    }

    /// Adds a requirement to a connected account: it cannot receive transfers until it is onboarded
    /// again.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn restrict(&self, account: &str) -> Result<(), ControlError> {
        self.with(|state| Ok(accounts::restrict(state, account)?))
    }

    /// Closes a connected account.
    ///
    /// # Errors
    /// If there is no such account, or it is closed.
    pub fn close_account(&self, account: &str) -> Result<(), ControlError> {
        self.with(|state| Ok(accounts::close(state, account)?))
    }

    /// Pays the whole balance of a connected account out to its bank now, without waiting for
    /// midnight. The payout arrives, or fails if the test bank account does. If it arrives, the
    /// balance is empty and no transfer can be reversed. Returns the payout's id.
    ///
    /// # Errors
    /// If there is no such account, no bank account, or nothing to pay.
    pub fn pay_bank(&self, account: &str) -> Result<String, ControlError> {
        self.with(|state| Ok(payouts::pay(state, account)?))
    }

    /// The bank returns a payout, even one that has arrived: its money is in the connected
    /// account's balance again.
    ///
    /// # Errors
    /// If there is no such payout, or it has failed already.
    pub fn fail_bank_payout(&self, payout: &str) -> Result<(), ControlError> {
        self.with(|state| Ok(payouts::fail(state, payout)?))
    }

    /// The platform's balance.
    pub fn balance(&self) -> Balance {
        self.with(|state| balance::now(state))
    }

    /// Adds the operator's own money to the platform's balance, as the dashboard does. Returns the
    /// top-up's id.
    pub fn add_funds(&self, cents: i64) -> String {
        self.with(|state| balance::top_up(state, cents))
    }

    /// The transactions of the platform's balance, oldest first.
    pub fn balance_transactions(&self) -> Vec<Value> {
        self.with(|state| state.objects.all("balance_transaction").cloned().collect())
    }

    /// The balance of a connected account.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn account_balance(&self, account: &str) -> Result<Balance, ControlError> {
        self.with(|state| {
            accounts::known(state, account)?;
            Ok(state.within(account, |state| balance::now(state)))
        })
    }

    /// Every transfer as the API shows it, oldest first.
    pub fn transfers(&self) -> Vec<Value> {
        self.with(|state| state.objects.all("transfer").cloned().collect())
    }

    /// Every bank payout of a connected account, oldest first.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn bank_payouts(&self, account: &str) -> Result<Vec<Value>, ControlError> {
        self.with(|state| {
            accounts::known(state, account)?;
            Ok(state.within(account, |state| state.objects.all("payout").cloned().collect()))
        })
    }
}
