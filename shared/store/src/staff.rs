//! What staff decide about members, and what follows from it.

use domain::{
    DomainError, Timestamp,
    account::{Account, AccountError, AccountUpdate, EmailClaim, Role},
    audit::{Action, AuditEntry, Target},
    generation::{Job, Status},
    id::UserId,
};
use serde::Serialize;

use crate::{
    PageSize,
    accounts::{active_draft_of, draft_of},
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, Record, outcome},
    keys::{Key, STANDINGS, due_bound, user_of},
    table::{Attempt, Store},
};

/// What a job of ours is called in the audit when it lifts a suspension.
const LIFTED_BY: &str = "background-follow-sellers";

/// Who of the staff acts, as their token says.
#[derive(Debug, Clone, Copy)]
pub struct Staff<'a> {
    /// Who.
    pub user_id: &'a UserId,
    /// Their address.
    pub email: Option<EmailClaim<'a>>,
    /// What they are.
    pub role: Option<Role>,
}

impl Store {
    /// Changes a member's account as staff decide: account, ledger, the staff's own account if their
    /// role is news, the idempotency record with the answer, and the audit in one transaction.
    /// Returns the answer that `view` makes of it; the same key returns the same one.
    ///
    /// # Errors
    /// [`Missing::User`], when whoever acts is suspended or may not decide on this account, what
    /// `change` refuses, [`crate::KeyError`], or when DynamoDB cannot be asked.
    pub async fn admin_update_account<R: DomainError, T: Serialize>(
        &self,
        staff: Staff<'_>,
        member: &UserId,
        (request, deed): (Option<&Idempotency>, &AuditEntry),
        now: Timestamp,
        change: impl Fn(&mut AccountUpdate) -> Result<(), R>,
        view: impl Fn(&Account) -> T,
    ) -> Result<String, StoreError> {
        let mut keys = vec![Key::account(member)];
        if staff.user_id != member {
            keys.push(Key::account(staff.user_id));
        }
        keys.extend(request.map(|request| Key::idempotency(staff.user_id, &request.key)));
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            let account = account.ok_or_else(|| StoreError::refused(NotFound::User))?;
            account.check_decidable(staff.user_id).map_err(StoreError::refused)?;
            let mut acting = active_draft_of(found.next()?, staff.user_id, staff.email, now)?;
            acting.seen_as(staff.role);
            if let Some(Outcome::Answer(answer)) = outcome(found.next()?, request, now)? {
                return Ok(Attempt::Done(answer));
            }
            let before = account.audited();
            let mut draft = draft_of(Some(account), member, None, now)?;
            change(&mut draft).map_err(StoreError::refused)?;
            let answer =
                serde_json::to_string(&view(draft.account())).map_err(StoreError::corrupt)?;
            let deed = deed.clone().with_diff(&before, &draft.account().audited());
            let mut writes = self.transaction().draft(draft)?.draft(acting)?.audit(deed, now);
            if let Some(request) = request {
                let record = Record::new(request, Outcome::Answer(answer.clone()), now);
                writes = writes.record(staff.user_id, &record)?;
            }
            Ok(writes.commit().await?.done(answer))
        })
        .await
    }

    /// Lets somebody of the staff in: their account is made on first use and keeps the role that
    /// their token says. Reads once (Q1), and writes only what is news.
    ///
    /// # Errors
    /// When they are suspended, or when DynamoDB cannot be asked.
    pub async fn admit_staff(&self, staff: Staff<'_>, now: Timestamp) -> Result<(), StoreError> {
        let admitted = self.update_account(staff.user_id, staff.email, now, |draft| {
            draft.require_active()?;
            draft.seen_as(staff.role);
            Ok::<(), AccountError>(())
        });
        admitted.await.map(drop)
    }

    /// One member's account, as it is.
    ///
    /// # Errors
    /// [`Missing::User`], or when DynamoDB cannot be asked.
    pub async fn account(&self, user: &UserId) -> Result<Account, StoreError> {
        let found = self.get(&Key::account(user)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::User))
    }

    /// Members whose standing somebody should see to, the longest waiting first (Q55).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn due_standings(
        &self,
        now: Timestamp,
        most: u16,
    ) -> Result<Vec<UserId>, StoreError> {
        let due = self.query_index(STANDINGS, Some(due_bound(now)), most).await?;
        Ok(due.iter().filter_map(user_of).collect())
    }

    /// Does what follows from a member's standing as it is now: a suspension that is over is lifted;
    /// of a suspended member nothing waits to be generated any more; and what they sell is hidden or
    /// shown again. Cut off anywhere, it is done by the next who comes.
    ///
    /// # Errors
    /// [`Missing::User`], or when DynamoDB cannot be asked.
    pub async fn apply_suspension(&self, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
        let account = self.lift_if_over(user, now).await?;
        let called_off = match account.standing.allows(now) {
            true => Ok(()),
            false => self.call_off_waiting(user, now).await,
        };
        // What is sold is hidden although a generation could not be called off.
        self.sync_visibility(user, now).await?;
        called_off?;
        self.mark_applied(&account, now).await
    }

    async fn call_off_waiting(&self, user: &UserId, now: Timestamp) -> Result<(), StoreError> {
        let mut done = Ok(());
        for job in self.waiting_jobs(user, now).await? {
            done = done.and(self.call_off_if_waiting(&job, now).await);
        }
        done
    }

    async fn lift_if_over(&self, user: &UserId, now: Timestamp) -> Result<Account, StoreError> {
        let target = Target::user(user);
        let deed =
            AuditEntry::of_job(LIFTED_BY, Action::Unban, target).with_reason("Its time is over.");
        self.retry_on_conflict(async || {
            let account = self.account(user).await?;
            let before = account.audited();
            let mut draft = draft_of(Some(account), user, None, now)?;
            if !draft.lift_if_over() {
                return Ok(Attempt::Done(draft.account().clone()));
            }
            let deed = deed.clone().with_diff(&before, &draft.account().audited());
            let change = draft.finish();
            let writes = self.transaction().account(&change)?.audit(deed, now);
            Ok(writes.commit().await?.done(change.account))
        })
        .await
    }

    /// The member's generations that wait for a worker (Q6). Nobody may have more open at once than
    /// a page holds.
    pub(crate) async fn waiting_jobs(
        &self,
        user: &UserId,
        now: Timestamp,
    ) -> Result<Vec<Job>, StoreError> {
        Ok(self.jobs(user, Some(Status::Queued), PageSize::WHOLE, None, now).await?.items)
    }

    /// Takes a job back for its member, unless a worker was faster.
    pub(crate) async fn call_off_if_waiting(
        &self,
        job: &Job,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match self.cancel_for_suspension(&job.user_id, &job.id, now).await {
            Err(StoreError::Refused(refused)) => {
                tracing::debug!(job_id = %job.id, why = refused.code(), "not called off");
                Ok(())
            }
            done => done.map(drop),
        }
    }

    /// A standing was seen to as `seen` has it; if it moved meanwhile it is still due.
    async fn mark_applied(&self, seen: &Account, now: Timestamp) -> Result<(), StoreError> {
        self.retry_on_conflict(async || {
            let account = self.account(&seen.user_id).await?;
            let same = |it: &Account| (it.standing.clone(), it.standing_due);
            if same(&account) != same(seen) {
                return Ok(Attempt::Done(()));
            }
            let mut draft = draft_of(Some(account), &seen.user_id, None, now)?;
            draft.suspension_applied();
            if !draft.is_changed() {
                return Ok(Attempt::Done(()));
            }
            Ok(self.transaction().account(&draft.finish())?.commit().await?.done(()))
        })
        .await
    }
}
