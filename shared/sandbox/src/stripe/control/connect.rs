//! Controls of connected accounts: what their owners, their banks and Stripe do.

use serde_json::Value;

use super::{Control, ControlError};
use crate::stripe::{
    Balance,
    accounts::{self, Bank},
    balance, payouts,
};

impl Control<'_> {
    /// The owner of a connected account gives everything that is missing: it can be paid. Again,
    /// it gives another bank account.
    ///
    /// # Errors
    /// When there is no such account, or it is closed.
    pub fn onboard(&self, account: &str, bank: Bank) -> Result<(), ControlError> {
        self.with(|books| Ok(accounts::onboard(books, account, bank)?))
    }

    /// Stripe wants to know more of a connected account's owner: until they are onboarded again it
    /// cannot be paid.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn restrict(&self, account: &str) -> Result<(), ControlError> {
        self.with(|books| Ok(accounts::restrict(books, account)?))
    }

    /// Ends a connected account.
    ///
    /// # Errors
    /// When there is no such account, or it is closed.
    pub fn close_account(&self, account: &str) -> Result<(), ControlError> {
        self.with(|books| Ok(accounts::close(books, account)?))
    }

    /// Pays the whole balance of a connected account out to its bank at once, without waiting for
    /// midnight: the payout arrives, or fails if the bank account is such. One that arrives leaves
    /// the balance empty, so that no transfer can be reversed. Returns the payout's id.
    ///
    /// # Errors
    /// When there is no such account, no bank account, or nothing to pay.
    pub fn pay_bank(&self, account: &str) -> Result<String, ControlError> {
        self.with(|books| Ok(payouts::pay(books, account)?))
    }

    /// The bank sends a payout back, even one that has arrived: its money is on the connected
    /// account's balance again.
    ///
    /// # Errors
    /// When there is no such payout, or it has failed already.
    pub fn fail_bank_payout(&self, payout: &str) -> Result<(), ControlError> {
        self.with(|books| Ok(payouts::fail(books, payout)?))
    }

    /// The platform's balance.
    pub fn balance(&self) -> Balance {
        self.with(|books| balance::now(books))
    }

    /// The balance of a connected account.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn account_balance(&self, account: &str) -> Result<Balance, ControlError> {
        self.with(|books| {
            accounts::known(books, account)?;
            Ok(books.within(account, |books| balance::now(books)))
        })
    }

    /// Every transfer as the API shows it, oldest first.
    pub fn transfers(&self) -> Vec<Value> {
        self.with(|books| books.shelf.all("transfer").cloned().collect())
    }

    /// Every payout of a connected account to its bank, oldest first.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn bank_payouts(&self, account: &str) -> Result<Vec<Value>, ControlError> {
        self.with(|books| {
            accounts::known(books, account)?;
            Ok(books.within(account, |books| books.shelf.all("payout").cloned().collect()))
        })
    }
}
