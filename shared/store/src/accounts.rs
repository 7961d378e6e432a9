//! Accounts: creation on first use, bringing them up to date, and the profile.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    DomainError, Timestamp,
    account::{Account, AccountUpdate, EmailClaim, Profile},
    credits::LedgerEntry,
    id::UserId,
    marketplace::payout::SkipReason,
};

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::StoreError,
    keys::{Key, LEDGER_PREFIX, SK, user_pk},
    table::{Attempt, Store, decode},
};

impl Store {
    /// Returns a member's account: created on first use, with expired credits removed and the
    /// month's granted. Reads once (Q1), and writes only if something is due or the email address
    /// changed.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn get_or_create_account(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        self.update_account(user, email, now, |_| Ok::<(), StoreError>(())).await
    }

    /// A member's email address, from their last token (Q1).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn email_of(&self, user: &UserId) -> Result<Option<String>, StoreError> {
        let account: Option<Account> = self.get(&Key::account(user)).await?;
        Ok(account.and_then(|account| account.email))
    }

    /// Why a member gets no payout, whatever their balance (Q1).
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn barred_from_payouts(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Option<SkipReason>, StoreError> {
        let account: Option<Account> = self.get(&Key::account(user)).await?;
        Ok(account.and_then(|account| SkipReason::for_account(&account, now)))
    }

    /// Display names of at most 100 members (Q1); members without a name are left out.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn names_of(
        &self,
        users: BTreeSet<&UserId>,
    ) -> Result<BTreeMap<UserId, String>, StoreError> {
        let keys: Vec<Key> = users.into_iter().map(Key::account).collect();
        let accounts: Vec<Account> = self.get_all(&keys).await?.rest()?;
        let named = |it: Account| Some((it.user_id, it.profile.display_name?));
        Ok(accounts.into_iter().filter_map(named).collect())
    }

    /// Changes a member's profile, if `change` accepts the current account.
    ///
    /// # Errors
    /// When the member is suspended, what `change` refuses, or when DynamoDB is unavailable.
    pub async fn update_profile<R: DomainError>(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
        change: impl Fn(&Account, &mut Profile) -> Result<(), R>,
    ) -> Result<Account, StoreError> {
        self.update_account(user, email, now, |draft| {
            draft.require_active().map_err(StoreError::refused)?;
            let mut profile = draft.account().profile.clone();
            change(draft.account(), &mut profile).map_err(StoreError::refused)?;
            draft.describe(profile);
            Ok::<(), StoreError>(())
        })
        .await
    }

    /// Changes an account by `change`, in one transaction with its ledger entries.
    ///
    /// # Errors
    /// What `change` refuses, or when DynamoDB is unavailable.
    pub async fn update_account<R: DomainError>(
        &self,
        user: &UserId,
        email: Option<EmailClaim<'_>>,
        now: Timestamp,
        change: impl Fn(&mut AccountUpdate) -> Result<(), R>,
    ) -> Result<Account, StoreError> {
        self.retry_on_conflict(async || {
            let found = self.get(&Key::account(user)).await?;
            let mut draft = draft_of(found, user, email, now)?;
            change(&mut draft).map_err(StoreError::refused)?;
            if !draft.is_changed() {
                return Ok(Attempt::Done(draft.account().clone()));
            }
            let change = draft.finish();
            Ok(self.transaction().account(&change)?.commit().await?.done(change.account))
        })
        .await
    }

    /// A page of a member's ledger, newest first (Q7).
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB is unavailable.
    pub async fn ledger(
        &self,
        user: &UserId,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        let start = match after {
            Some(Cursor(seq)) => {
                let seq: u64 =
                    seq.parse().map_err(|_| StoreError::refused(InvalidCursor::new()))?;
                Some(Key::ledger(user, seq))
            }
            None => None,
        };
        let entries = self.query_desc(user, LEDGER_PREFIX, start, size).await?;
        Ok(Page::cut(entries, size, |entry: &LedgerEntry| entry.seq.to_string()))
    }

    /// The whole ledger, oldest first, page after page: for audits and tests.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub async fn whole_ledger(&self, user: &UserId) -> Result<Vec<LedgerEntry>, StoreError> {
        let mut entries = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(#sk, :prefix)")
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", AttributeValue::S(user_pk(user)))
            .expression_attribute_values(":prefix", AttributeValue::S(LEDGER_PREFIX.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            entries.push(decode(item.map_err(StoreError::unavailable)?)?);
        }
        Ok(entries)
    }
}

/// The update of a stored account, or of a new one, brought up to date.
pub(crate) fn draft_of(
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
pub(crate) fn active_draft_of(
    found: Option<Account>,
    user: &UserId,
    email: Option<EmailClaim<'_>>,
    now: Timestamp,
) -> Result<AccountUpdate, StoreError> {
    let draft = draft_of(found, user, email, now)?;
    draft.require_active().map_err(StoreError::refused)?;
    Ok(draft)
}
