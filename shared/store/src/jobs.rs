//! Jobs: placing, following, advancing and settling them.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    DomainError, Timestamp,
    account::{Account, AccountUpdate, EmailClaim},
    generation::{CancelError, GenerationRequest, Input, Job, ResolvedSource, Status},
    id::{JobId, ListingId, PresetId, UserId},
    preset::Preset,
};

use crate::{
    accounts::draft_of,
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::{NotFound, StoreError},
    idempotency::{Idempotency, Outcome, Record, outcome},
    keys::{JOB_PREFIX, Key, due_bound, job_of, open_pk, outcome_pk, user_pk},
    marketplace::Licensed,
    table::{Attempt, BatchItems, Store, decode, decode_image},
    transaction::{Committed, ItemKind, job_item},
};

/// How far back an open job is looked for. None stays open for a day: waiting, an unanswered
/// submit and the provider's time together end far earlier.
const OPEN_FOR_MAX: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// A job and what it is made from.
#[derive(Debug, Clone)]
pub struct JobAndInput {
    /// The job.
    pub job: Job,
    /// What it is made from.
    pub input: Input,
}

/// What a new job is made from, as its order names it.
#[derive(Debug, Clone, Copy)]
pub enum SourceRef<'a> {
    /// Nothing that is stored.
    Nothing,
    /// A preset of the member's.
    Preset(&'a PresetId),
    /// A listing that they bought, or made.
    Listing(&'a ListingId),
}

impl<'a> SourceRef<'a> {
    /// What an order names.
    pub fn of(order: &'a GenerationRequest) -> SourceRef<'a> {
        match (&order.listing_id, &order.preset_id) {
            (Some(listing), _) => SourceRef::Listing(listing),
            (None, Some(preset)) => SourceRef::Preset(preset),
            (None, None) => SourceRef::Nothing,
        }
    }

    /// What is read of it beside account and record.
    fn keys(self, user: &UserId) -> Vec<Key> {
        match self {
            SourceRef::Nothing => Vec::new(),
            SourceRef::Preset(preset) => vec![Key::preset(user, preset)],
            SourceRef::Listing(listing) => {
                vec![Key::listing(listing), Key::entitlement(user, listing)]
            }
        }
    }
}

/// What came of ending a job.
#[derive(Debug, Clone)]
pub enum Settled {
    /// It is over, and its hold with it.
    Now(Box<Job>),
    /// Somebody else moved it first: nothing was written.
    Elsewhere,
}

impl Store {
    /// Places a job: one read (Q2) and one transaction of account, job, input, ledger entry and
    /// idempotency record. The queue hears of it from the table's stream.
    ///
    /// `place` decides on the account brought up to date and on the preset or the listing, if one
    /// is named; the version of a listing is one more read. The same key returns the job it placed
    /// before, as that job is now.
    ///
    /// # Errors
    /// What `place` refuses, [`crate::KeyError`], or when DynamoDB cannot be asked.
    pub async fn enqueue<R: DomainError>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        request: &Idempotency,
        naming: SourceRef<'_>,
        now: Timestamp,
        place: impl Fn(&mut AccountUpdate, Option<ResolvedSource>) -> Result<(Job, Input), R>,
    ) -> Result<Job, StoreError> {
        let mut keys = vec![Key::account(user), Key::idempotency(user, &request.key)];
        keys.extend(naming.keys(user));
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            let record: Option<Record> = found.next()?;
            // A repeat is answered before any rule looks at it: it must never become a 402.
            if let Some(Outcome::Job(id)) = outcome(record, Some(request), now)? {
                return self.job(user, &id).await.map(Attempt::Done);
            }
            let mut draft = draft_of(account, user, email, now)?;
            let (named, licensed) = self.named(user, naming, found).await?;
            let (job, input) = place(&mut draft, named).map_err(StoreError::refused)?;
            let record = Record::new(request, Outcome::Job(job.id.clone()), now);
            let mut writes = self
                .transaction()
                .account(&draft.finish())?
                .job(&job, 0)?
                .input(&job, &input)?
                .record(user, &record)?;
            if let Some(licensed) = licensed {
                writes = writes.made_with(&licensed, now)?;
            }
            Ok(writes.commit().await?.done(job))
        })
        .await
    }

    /// What was read of what an order names, and what its use rests on.
    async fn named(
        &self,
        user: &UserId,
        naming: SourceRef<'_>,
        mut found: BatchItems,
    ) -> Result<(Option<ResolvedSource>, Option<Licensed>), StoreError> {
        match naming {
            SourceRef::Nothing => Ok((None, None)),
            SourceRef::Preset(_) => {
                let preset: Option<Preset> = found.next()?;
                Ok((preset.map(|preset| ResolvedSource::kept(preset.content)), None))
            }
            SourceRef::Listing(listing) => {
                let read = (found.next()?, found.next()?);
                Ok(self.licensed(user, listing, read).await?.unzip())
            }
        }
    }

    /// Cancels a job as the domain allows it, or repeats the answer of the same key.
    ///
    /// # Errors
    /// [`Missing::Generation`], [`domain::generation::CancelError`], [`crate::KeyError`], or
    /// when DynamoDB cannot be asked.
    pub async fn cancel(
        &self,
        user: &UserId,
        id: &JobId,
        request: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<Job, StoreError> {
        self.take_back(user, id, request, now, Job::cancel).await
    }

    /// Takes a job back whose member may not act any more.
    ///
    /// # Errors
    /// As [`Store::cancel`].
    pub(crate) async fn cancel_for_suspension(
        &self,
        user: &UserId,
        id: &JobId,
        now: Timestamp,
    ) -> Result<Job, StoreError> {
        self.take_back(user, id, None, now, Job::cancel_for_suspension).await
    }

    async fn take_back(
        &self,
        user: &UserId,
        id: &JobId,
        request: Option<&Idempotency>,
        now: Timestamp,
        how: fn(Job, &mut AccountUpdate) -> Result<Job, CancelError>,
    ) -> Result<Job, StoreError> {
        let mut keys = vec![Key::account(user), Key::job(user, id)];
        keys.extend(request.map(|request| Key::idempotency(user, &request.key)));
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            let job: Option<Job> = found.next()?;
            let record: Option<Record> = found.next()?;
            let job = job.ok_or_else(|| StoreError::refused(NotFound::Generation))?;
            if outcome(record, request, now)?.is_some() {
                return Ok(Attempt::Done(job));
            }
            let mut draft = draft_of(account, user, None, now)?;
            let expected = job.version;
            let cancelled = how(job, &mut draft).map_err(StoreError::refused)?;
            let mut writes =
                self.transaction().account(&draft.finish())?.job(&cancelled, expected)?;
            if let Some(request) = request {
                let outcome = Outcome::Job(cancelled.id.clone());
                writes = writes.record(user, &Record::new(request, outcome, now))?;
            }
            Ok(writes.commit().await?.done(cancelled))
        })
        .await
    }

    /// One job of the member's.
    ///
    /// # Errors
    /// [`Missing::Generation`], or when DynamoDB cannot be asked.
    pub async fn job(&self, user: &UserId, id: &JobId) -> Result<Job, StoreError> {
        let found = self.get(&Key::job(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Generation))
    }

    /// One job and what it is made from, in one trip (Q3).
    ///
    /// # Errors
    /// [`Missing::Generation`], or when DynamoDB cannot be asked.
    pub async fn job_and_input(
        &self,
        user: &UserId,
        id: &JobId,
    ) -> Result<JobAndInput, StoreError> {
        let mut found = self.get_all(&[Key::job(user, id), Key::input(user, id)]).await?;
        match (found.next()?, found.next()?) {
            (Some(job), Some(input)) => Ok(JobAndInput { job, input }),
            (None, _) | (_, None) => Err(StoreError::refused(NotFound::Generation)),
        }
    }

    /// A page of a member's jobs, newest first, of one status if one is given (Q4, Q5, Q6).
    ///
    /// # Errors
    /// [`InvalidCursor`], or when DynamoDB cannot be asked.
    pub async fn jobs(
        &self,
        user: &UserId,
        status: Option<Status>,
        size: PageSize,
        after: Option<Cursor>,
        now: Timestamp,
    ) -> Result<Page<Job>, StoreError> {
        let after = after
            .map(|Cursor(id)| JobId::parse(&id))
            .transpose()
            .map_err(|_| StoreError::refused(InvalidCursor::new()))?;
        let jobs = match status {
            None => {
                let after = after.map(|id| Key::job(user, &id));
                self.query_desc(user, JOB_PREFIX, after, size).await?
            }
            Some(status) if status.is_final() => {
                self.finished_jobs(user, status, size, after).await?
            }
            Some(status) => self.open_jobs(user, status, size, after, now).await?,
        };
        Ok(Page::cut(jobs, size, |job| job.id.to_string()))
    }

    async fn finished_jobs(
        &self,
        user: &UserId,
        status: Status,
        size: PageSize,
        after: Option<JobId>,
    ) -> Result<Vec<Job>, StoreError> {
        let after = after.map(|id| (Key::job(user, &id), id.to_string()));
        let most = size.and_one().min(i32::from(PageSize::MAX));
        let answer = self.listed_before(&outcome_pk(user, status), after, most).await?;
        let more = answer.last_evaluated_key.is_some();
        let keys: Vec<Key> = answer
            .items
            .unwrap_or_default()
            .iter()
            .filter_map(job_of)
            .map(|(user, id)| Key::job(&user, &id))
            .collect();
        let mut jobs: Vec<Job> = self.get_all(&keys).await?.rest()?;
        // A full page of 100 cannot ask for one more: a further key says that there is more.
        if more && jobs.len() == size.get() {
            jobs.extend(jobs.last().cloned());
        }
        Ok(jobs)
    }

    async fn open_jobs(
        &self,
        user: &UserId,
        status: Status,
        size: PageSize,
        after: Option<JobId>,
        now: Timestamp,
    ) -> Result<Vec<Job>, StoreError> {
        let oldest = JobId::lower_bound(now.minus(OPEN_FOR_MAX));
        if after.as_ref().is_some_and(|after| *after < oldest) {
            return Ok(Vec::new());
        }
        let newest = JobId::new(now.plus(OPEN_FOR_MAX), u128::MAX);
        // DynamoDB refuses a start outside the range; a made-up cursor above it begins at its top.
        let after = after.filter(|after| *after <= newest);
        let bound = |id: JobId| AttributeValue::S(format!("{JOB_PREFIX}{id}"));
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :oldest AND :newest")
            .filter_expression("#status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pk", AttributeValue::S(user_pk(user)))
            .expression_attribute_values(":oldest", bound(oldest))
            .expression_attribute_values(":newest", bound(newest))
            .expression_attribute_values(":status", AttributeValue::S(status.as_str().to_owned()))
            .scan_index_forward(false)
            .set_exclusive_start_key(after.map(|id| Key::job(user, &id).item()))
            .into_paginator()
            .items()
            .send();
        let mut jobs = Vec::new();
        while jobs.len() <= size.get()
            && let Some(item) = pages.next().await
        {
            jobs.push(decode(item.map_err(StoreError::unavailable)?)?);
        }
        Ok(jobs)
    }

    /// Writes a job that has moved on without touching credits, if nobody else moved it.
    /// `true` if it was written.
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn advance(&self, before: &Job, after: &Job) -> Result<bool, StoreError> {
        self.replace(job_item(after)?, before.version).await
    }

    /// Ends a job and its hold in one transaction, if nobody else moved the job.
    ///
    /// # Errors
    /// What `end` refuses, or when DynamoDB cannot be asked.
    pub async fn settle<R: DomainError>(
        &self,
        job: &Job,
        now: Timestamp,
        end: impl Fn(Job, &mut AccountUpdate) -> Result<Job, R>,
    ) -> Result<Settled, StoreError> {
        let keys = [Key::account(&job.user_id), Key::job(&job.user_id, &job.id)];
        self.retry_on_conflict(async || {
            let mut found = self.get_all(&keys).await?;
            let account: Option<Account> = found.next()?;
            let present: Option<Job> = found.next()?;
            // Its hold may have ended already, and then ending it again would look like a fault.
            if present.is_none_or(|present| present.version != job.version) {
                return Ok(Attempt::Done(Settled::Elsewhere));
            }
            let mut draft = draft_of(account, &job.user_id, None, now)?;
            let ended = end(job.clone(), &mut draft).map_err(StoreError::refused)?;
            let committed = self
                .transaction()
                .account(&draft.finish())?
                .job(&ended, job.version)?
                .commit()
                .await?;
            match committed {
                Committed::Yes => Ok(Attempt::Done(Settled::Now(Box::new(ended)))),
                Committed::Conflict(parts) if parts.contains(&ItemKind::Job) => {
                    Ok(Attempt::Done(Settled::Elsewhere))
                }
                Committed::Conflict(_) => Ok(Attempt::Conflict),
            }
        })
        .await
    }

    /// Jobs of one shard that somebody should look at, the longest waiting first (Q9).
    ///
    /// # Errors
    /// When DynamoDB cannot be asked.
    pub async fn due_jobs(
        &self,
        shard: u8,
        now: Timestamp,
        most: u16,
    ) -> Result<Vec<(UserId, JobId)>, StoreError> {
        let due = self.query_index(&open_pk(shard), Some(due_bound(now)), most).await?;
        Ok(due.iter().filter_map(job_of).collect())
    }
}

/// The job that a change of the table is about, from the item as a stream shows it; `None` if the
/// change is about something else.
///
/// # Errors
/// [`StoreError::Corrupt`] when it stands where a job stands and is none.
pub fn changed_job(
    image: &serde_json::Map<String, serde_json::Value>,
) -> Result<Option<Job>, StoreError> {
    decode_image(image, |sk| sk.starts_with(JOB_PREFIX))
}
