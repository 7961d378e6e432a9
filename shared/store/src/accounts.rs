//! Accounts: creation on first use, bringing them up to date, and the profile.

use domain::{
    Timestamp,
    account::{Account, AccountChange, AccountUpdate, EmailClaim, Profile},
    credits::LedgerEntry,
    id::UserId,
    marketplace::creator::payout::SkipReason,
};

use crate::{
    cursor::{Cursor, Page, PageSize},
    error::StoreError,
    keys::{Key, LEDGER_PREFIX, user_pk},
    table::{Store, decode},
    transaction::{ItemKind, Transaction},
    update::{Aggregate, Decided, Writes},
    versioned::Versioned,
};

impl Store {
    /// Returns a member's account: created on first use, with expired credits removed and the
    /// month's granted. Reads once (Q1), and writes only if something is due or the email address
    /// changed.
    pub async fn get_or_create_account(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        self.update_account(user, email, now, |_| ()).await
    }

    /// A member's email address, from their last token (Q1).
    pub async fn email_of(&self, user: &UserId) -> Result<Option<String>, StoreError> {
        let account: Option<Account> = self.get(&Key::account(user)).await?;
        Ok(account.and_then(|account| account.email))
    }

    /// Why a member gets no payout, whatever their balance (Q1).
    pub async fn barred_from_payouts(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<SkipReason>, StoreError> {
        let account: Option<Account> = self.get(&Key::account(user)).await?;
        Ok(account.and_then(|account| SkipReason::for_account(&account, now)))
    }

    /// Changes a member's profile, if `change` accepts the current account.
    ///
    /// # Errors
    /// When the member is suspended or what `change` refuses.
    pub async fn update_profile<D: Decided<Value = ()>>(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
        change: impl Fn(&Account, &mut Profile) -> D,
    ) -> Result<Account, StoreError> {
        self.update_account(user, email, now, |update| -> Result<(), StoreError> {
            update.require_active().map_err(StoreError::refused)?;
            let mut profile = update.account().profile.clone();
            change(update.account(), &mut profile).decided()?;
            update.describe(profile);
            Ok(())
        })
        .await
    }

    /// Changes an account by `change`, in one transaction with its ledger entries.
    ///
    /// # Errors
    /// What `change` refuses.
    pub async fn update_account<D: Decided<Value = ()>>(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
        change: impl Fn(&mut AccountUpdate) -> D,
    ) -> Result<Account, StoreError> {
        let (account, ()) = self.update(AccountKey { user, email, now }, change).await?;
        Ok(account)
    }

    /// A page of a member's ledger, newest first (Q7).
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn ledger(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        let start = Cursor::parsed(after, str::parse)?.map(|seq| Key::ledger(user, seq));
        let entries = self.query_desc(user, LEDGER_PREFIX, start, size).await?;
        Ok(Page::cut(entries, size, |entry: &LedgerEntry| entry.seq.to_string()))
    }

    /// The whole ledger, oldest first, page after page: for audits and tests.
    pub async fn whole_ledger(&self, user: &UserId) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut entries = Vec::new();
        let query = self.newest_first(user_pk(user), LEDGER_PREFIX).scan_index_forward(true);
        let mut pages = query.consistent_read(true).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            entries.push(decode(item.map_err(StoreError::unavailable)?)?);
        }
        Ok(entries)
    }
}

/// What an account is read by.
pub(crate) struct AccountKey<'a> {
    user: &'a UserId,
    email: Option<EmailClaim<'a>>,
    now: Timestamp,
}

impl Aggregate for AccountUpdate {
    type Key<'a> = AccountKey<'a>;
    type Written = Account;

    async fn load(store: &Store, key: &Self::Key<'_>) -> Result<Self, StoreError> {
        let found = store.get(&Key::account(key.user)).await?;
        begin_update(found, key.user, key.email, key.now)
    }

    fn diff(self, _: Self, _: &Self::Key<'_>) -> Result<Writes<Account>, StoreError> {
        change_of(self)
    }
}

/// The write of an account update, and the account as it is after that.
pub(crate) fn change_of(update: AccountUpdate) -> Result<Writes<Account>, StoreError> {
    if !update.is_changed() {
        return Ok((Transaction::default(), update.account().clone()));
    }
    let change = update.finish();
    Ok((Transaction::default().account(&change)?, change.account))
}

impl Transaction {
    /// Writes an account and its new ledger entries, if it still has the version it was read with.
    /// A new account must not exist.
    pub(crate) fn account(self, change: &AccountChange) -> Result<Self, StoreError> {
        let user = &change.account.user_id;
        let with_account = self
            .put_versioned(Some(&change.before), &change.account)?
            .person(&change.before, &change.account)?;
        let with_ledger = change.entries.iter().try_fold(with_account, |this, entry| {
            this.new_item(ItemKind::Ledger, &Key::ledger(user, entry.seq), entry)
        })?;
        change.follow_ups.iter().try_fold(with_ledger, Transaction::follow_up)
    }

    /// Writes an account update. If it changes nothing, only checks that the account still has the
    /// version it was read with: the decision holds, and a ban takes effect.
    pub(crate) fn account_update(self, update: AccountUpdate) -> Result<Self, StoreError> {
        if update.is_changed() {
            return self.account(&update.finish());
        }
        let account = update.account();
        Ok(self.check_version(account.key(), Some(account)))
    }
}

/// The update of a stored account, or of a new one, brought up to date.
pub(crate) fn begin_update(
    found: Option<Account>,
    user: &UserId,
    email: Option<EmailClaim<'_>>,
    now: Timestamp,
) -> Result<AccountUpdate, StoreError> {
    let account = found.unwrap_or_else(|| Account::open(user.clone(), now));
    account.begin_update_for(email, now).map_err(StoreError::refused)
}

/// The same, for a member who must be active.
///
/// # Errors
/// When they are suspended, or the stored balance is inconsistent.
pub(crate) fn begin_active_update(
    found: Option<Account>,
    user: &UserId,
    email: Option<EmailClaim<'_>>,
    now: Timestamp,
) -> Result<AccountUpdate, StoreError> {
    let update = begin_update(found, user, email, now)?;
    update.require_active().map_err(StoreError::refused)?;
    Ok(update)
}
