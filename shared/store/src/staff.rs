//! Staff decisions about members, and what follows from them.

use domain::{
    Timestamp,
    account::{Account, AccountUpdate, EmailClaim, Role},
    audit::{Action, AuditEntry, Target},
    generation::{Job, Status},
    id::UserId,
};
use serde::Serialize;

use crate::{
    JobFilter, PageSize,
    accounts::{begin_active_update, begin_update, change_of},
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, outcome},
    keys::{Key, STANDINGS, due_bound, user_of},
    table::{IndexPage, IndexPosition, Store},
    transaction::Transaction,
    update::Decided,
};

/// Actor name in the audit of the job that lifts suspensions.
const LIFTED_BY: &str = "background-follow-sellers";

/// The acting staff member, by their token.
#[derive(Debug, Clone, Copy)]
pub struct Staff<'a> {
    /// Their user id.
    pub user_id: &'a UserId,
    /// Their email address.
    pub email: Option<EmailClaim<'a>>,
    /// Their role.
    pub role: Option<Role>,
}

impl Store {
    /// Changes a member's account by a staff decision: account, ledger, the staff member's own
    /// account if their role changed, the idempotency record with the answer, and the audit in one
    /// transaction. Returns the answer that `view` builds; the same key returns the same one.
    ///
    /// # Errors
    /// [`NotFound::User`], when the staff member is suspended or may not decide on this account,
    /// what `change` refuses or [`crate::KeyError`].
    pub async fn admin_update_account<D: Decided<Value = ()>, T: Serialize>(
        &self,
        staff: Staff<'_>,
        member: &UserId,
        (request, entry): (Option<&Idempotency>, &AuditEntry),
        now: Timestamp,
        change: impl Fn(&mut AccountUpdate) -> D,
        view: impl Fn(&Account) -> T,
    ) -> Result<String, StoreError> {
        let mut keys = vec![Key::account(member)];
        if staff.user_id != member {
            keys.push(Key::account(staff.user_id));
        }
        keys.extend(request.map(|request| Key::idempotency(staff.user_id, &request.key)));
        self.update_items(&keys, |mut found| {
            let account: Option<Account> = found.next()?;
            let account = account.ok_or_else(|| StoreError::refused(NotFound::User))?;
            account.check_decidable(staff.user_id).map_err(StoreError::refused)?;
            let mut acting = begin_active_update(found.next()?, staff.user_id, staff.email, now)?;
            acting.seen_as(staff.role);
            if let Some(Outcome::Answer(answer)) = outcome(found.next()?, request, now)? {
                return Ok((Transaction::default(), answer));
            }
            let before = account.audited();
            let mut update = begin_update(Some(account), member, None, now)?;
            change(&mut update).decided()?;
            let answer = serde_json::to_string(&view(update.account()));
            let answer = answer.map_err(StoreError::corrupt)?;
            let entry = entry.clone().with_diff(&before, &update.account().audited());
            let writes = Transaction::default()
                .account_update(update)?
                .account_update(acting)?
                .audit(entry, now)
                .remember(staff.user_id, request, Outcome::Answer(answer.clone()), now)?;
            Ok((writes, answer))
        })
        .await
    }

    /// Admits a staff member: their account is created on first use and stores the role of their
    /// token. Reads once (Q1), and writes only changes.
    ///
    /// # Errors
    /// When they are suspended.
    pub async fn admit_staff(&self, staff: Staff<'_>, now: Timestamp) -> Result<(), StoreError> {
        let admitted = self.update_account(staff.user_id, staff.email, now, |update| {
            update.require_active().map(|()| update.seen_as(staff.role))
        });
        admitted.await.map(drop)
    }

    /// One member's account, as stored.
    ///
    /// # Errors
    /// [`NotFound::User`].
    pub async fn account(&self, user: &UserId) -> Result<Account, StoreError> {
        let found = self.get(&Key::account(user)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::User))
    }

    /// Members with a due status change, oldest first (Q55).
    pub async fn due_standings(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<UserId>, StoreError> {
        self.walked(STANDINGS, Some(due_bound(now)), (after, most), user_of).await
    }

    /// Applies a member's current status: lifts an expired suspension, cancels the queued
    /// generations of a suspended member, and hides or shows their listings. If it is interrupted,
    /// the next run resumes it.
    ///
    /// # Errors
    /// [`NotFound::User`].
    pub async fn apply_suspension(&self, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
        let account = self.lift_if_over(user, now).await?;
        let called_off = match account.standing.allows(now) {
            true => Ok(()),
            false => self.call_off_waiting(user, now).await,
        };
        // Listings are hidden even if a generation could not be cancelled.
        self.sync_visibility(user, now).await?;
        called_off?;
        self.mark_applied(&account, now).await
    }

    /// Cancels the member's queued generations. The first failure is returned after all are tried.
    pub(crate) async fn call_off_waiting(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut done = Ok(());
        for job in self.waiting_jobs(user, now).await? {
            done = done.and(self.call_off_if_waiting(&job, now).await);
        }
        done
    }

    async fn lift_if_over(&self, user: &UserId, now: Timestamp) -> Result<Account, StoreError> {
        let target = Target::user(user);
        let entry =
            AuditEntry::of_job(LIFTED_BY, Action::Unban, target).with_reason("Suspension expired.");
        let lift = |account: Account| {
            let before = account.audited();
            let mut update = begin_update(Some(account), user, None, now)?;
            if !update.lift_if_over() {
                return Ok((Transaction::default(), update.account().clone()));
            }
            let entry = entry.clone().with_diff(&before, &update.account().audited());
            let (writes, account) = change_of(update)?;
            Ok((writes.audit(entry, now), account))
        };
        self.update_loaded(async || self.account(user).await, lift).await
    }

    /// The member's queued generations (Q6). No member may have more open at once than a page
    /// holds.
    async fn waiting_jobs(&self, user: &UserId, now: Timestamp) -> Result<Vec<Job>, StoreError> {
        let queued = JobFilter::status(Status::Queued);
        Ok(self.jobs(user, &queued, PageSize::WHOLE, None, now).await?.items)
    }

    /// Cancels a queued job, unless a worker was faster.
    async fn call_off_if_waiting(&self, job: &Job, now: Timestamp) -> Result<(), StoreError> {
        match self.cancel_for_suspension(&job.user_id, &job.id, now).await {
            Err(StoreError::Refused(refused)) => {
                tracing::debug!(job_id = %job.id, why = refused.code(), "queued job not cancelled");
                Ok(())
            }
            done => done.map(drop),
        }
    }

    /// Clears the due status change, unless the status changed since `seen`.
    async fn mark_applied(&self, seen: &Account, now: Timestamp) -> Result<(), StoreError> {
        let clear = |account: Account| {
            let same = |it: &Account| (it.standing.clone(), it.standing_due);
            if same(&account) != same(seen) {
                return Ok((Transaction::default(), ()));
            }
            let mut update = begin_update(Some(account), &seen.user_id, None, now)?;
            update.suspension_applied();
            Ok((change_of(update)?.0, ()))
        };
        self.update_loaded(async || self.account(&seen.user_id).await, clear).await
    }
}
