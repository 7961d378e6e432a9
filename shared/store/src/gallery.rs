//! A member's generations as a gallery: pages with filters, favourites, and deletion.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::AttributeValue::S};
use domain::{
    Timestamp,
    account::Account,
    erasure::{Erasure, ErasureSubject},
    generation::{Input, Job, Status},
    id::{JobId, UserId},
};
use futures_util::future::try_join_all;

use crate::{
    condition::Condition,
    cursor::{Cursor, Page, PageSize},
    error::{NotFound, StoreError},
    jobs::JobAndInput,
    keys::{INDEX, Item, JOB_PREFIX, Key, favourites_pk, job_of, outcome_pk, user_pk},
    table::{BatchItems, Store, decode},
    transaction::{ItemKind, Transaction},
};

/// How far back open jobs are searched. None stays open for a day: the queue, an unanswered submit
/// and the provider's time together end far earlier.
const OPEN_FOR_MAX: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
const MILLISECOND: std::time::Duration = std::time::Duration::from_millis(1);

/// Which of a member's jobs a list shows; by default all.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Of these statuses; empty is every status.
    pub statuses: Vec<Status>,
    /// Requested at this time or later.
    pub from: Option<Timestamp>,
    /// Requested before this time.
    pub before: Option<Timestamp>,
    /// Only favourites, or only the others.
    pub favourite: Option<bool>,
}

/// The ids among which a page is searched. DynamoDB refuses a range that is empty and a start
/// outside of it.
#[derive(Debug, Clone)]
struct IdRange {
    oldest: JobId,
    newest: JobId,
    /// The last of the page before.
    after: Option<JobId>,
}

impl IdRange {
    /// `None` if it is empty.
    fn new(oldest: JobId, newest: JobId, after: Option<JobId>) -> Option<IdRange> {
        let is_over = oldest > newest || after.as_ref().is_some_and(|after| *after < oldest);
        // A forged cursor above the range starts at its top.
        let after = after.filter(|after| *after <= newest);
        (!is_over).then_some(IdRange { oldest, newest, after })
    }

    fn bounds(query: QueryFluentBuilder, oldest: String, newest: String) -> QueryFluentBuilder {
        query
            .expression_attribute_values(":oldest", S(oldest))
            .expression_attribute_values(":newest", S(newest))
            .scan_index_forward(false)
    }
}

impl JobFilter {
    /// Jobs of one status.
    pub fn status(status: Status) -> JobFilter {
        JobFilter { statuses: vec![status], ..JobFilter::default() }
    }

    fn range(&self, after: Option<JobId>, now: Timestamp) -> Option<IdRange> {
        let before = self.before.unwrap_or(now.plus(OPEN_FOR_MAX));
        let oldest = JobId::lower_bound(self.from.unwrap_or(Timestamp::from_millis(0)));
        IdRange::new(oldest, JobId::new(before.minus(MILLISECOND), u128::MAX), after)
    }

    /// Whether only the time of a job matters.
    fn is_any(&self) -> bool {
        self.statuses.is_empty() && self.favourite.is_none()
    }

    fn wants(&self, status: Status) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&status)
    }

    fn matches(&self, job: &Job) -> bool {
        self.wants(job.status) && self.favourite.is_none_or(|wanted| wanted == job.favourite)
    }

    /// The index partitions of the finished jobs among them. Favourites have one of their own.
    fn partitions(&self, user: &UserId) -> Vec<String> {
        let is_finished = |status: &Status| status.is_final() && self.wants(*status);
        let outcomes = Status::ALL.into_iter().filter(is_finished);
        let mut partitions = match self.favourite {
            Some(true) => Vec::new(),
            Some(false) | None => outcomes.map(|status| outcome_pk(user, status)).collect(),
        };
        if self.wants(Status::Succeeded) && self.favourite != Some(false) {
            partitions.push(favourites_pk(user));
        }
        partitions
    }

    /// The open statuses among them. An open job is no favourite.
    fn open_statuses(&self) -> Vec<Status> {
        let is_open = |status: &Status| !status.is_final() && self.wants(*status);
        Status::ALL.into_iter().filter(|it| is_open(it) && self.favourite != Some(true)).collect()
    }
}

impl Store {
    /// A page of a member's jobs, newest first (Q4, Q5, Q6). A status or a mark that changed in the
    /// last moment may be listed as before, because an index follows its table.
    ///
    /// # Errors
    /// [`crate::InvalidCursor`].
    pub async fn jobs(
        &self,
        user: &UserId,
        filter: &JobFilter,
        size: PageSize,
        after: Option<Cursor>,
        now: Timestamp,
    ) -> Result<Page<Job>, StoreError> {
        let after = Cursor::parsed(after, JobId::parse)?;
        let Some(range) = filter.range(after, now) else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        if filter.is_any() {
            let query = self.jobs_in(user, &range).limit(size.and_one());
            let answer = query.send().await.map_err(StoreError::unavailable)?;
            let jobs = answer.items.unwrap_or_default().into_iter().map(decode);
            return Ok(Page::cut(jobs.collect::<Result<_, _>>()?, size, |job: &Job| {
                job.id.to_string()
            }));
        }
        let ids = self.matching(user, filter, &range, size, now).await?;
        let Page { items: ids, next_cursor } = Page::cut(ids, size, JobId::to_string);
        let keys: Vec<Key> = ids.iter().map(|id| Key::job(user, id)).collect();
        let mut items: Vec<Job> = self.get_all(&keys).await?.rest()?;
        items.retain(|job| filter.matches(job));
        Ok(Page { items, next_cursor })
    }

    /// The inputs of a page of jobs, in the order of the jobs (Q3). An erasure in progress may have
    /// deleted some.
    pub async fn inputs(
        &self,
        user: &UserId,
        jobs: &[Job],
    ) -> Result<Vec<Option<Input>>, StoreError> {
        let keys: Vec<Key> = jobs.iter().map(|job| Key::input(user, &job.id)).collect();
        let mut found = self.get_all(&keys).await?;
        jobs.iter().map(|_| found.next()).collect()
    }

    /// The newest ids in `range` that the filter matches, at most one more than a page. Each index
    /// partition returns its newest ones, so together they have the newest of all.
    async fn matching(
        &self,
        user: &UserId,
        filter: &JobFilter,
        range: &IdRange,
        size: PageSize,
        now: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        let partitions = filter.partitions(user);
        let finished = partitions.iter().map(|pk| self.finished_in(user, pk, range, size));
        let statuses = filter.open_statuses();
        let open = self.open_in(user, &statuses, range, size, now);
        let (finished, open) = tokio::try_join!(try_join_all(finished), open)?;
        let ids: BTreeSet<JobId> = finished.into_iter().flatten().chain(open).collect();
        Ok(ids.into_iter().rev().take(size.get() + 1).collect())
    }

    async fn finished_in(
        &self,
        user: &UserId,
        partition: &str,
        range: &IdRange,
        size: PageSize,
    ) -> Result<Vec<JobId>, StoreError> {
        let IdRange { oldest, newest, after } = range;
        let start = |id: &JobId| Key::job(user, id).in_index(partition, id.to_string());
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("gsi1pk = :pk AND gsi1sk BETWEEN :oldest AND :newest")
            .expression_attribute_values(":pk", S(partition.to_owned()))
            .set_exclusive_start_key(after.as_ref().map(start))
            .limit(size.and_one());
        let query = IdRange::bounds(query, oldest.to_string(), newest.to_string());
        let items = query.send().await.map_err(StoreError::unavailable)?.items;
        let items = items.unwrap_or_default();
        Ok(items.iter().filter_map(job_of).map(|(_, id)| id).collect())
    }

    async fn open_in(
        &self,
        user: &UserId,
        statuses: &[Status],
        range: &IdRange,
        size: PageSize,
        now: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        let IdRange { oldest, newest, after } = range.clone();
        let oldest = oldest.max(JobId::lower_bound(now.minus(OPEN_FOR_MAX)));
        let range = IdRange::new(oldest, newest, after);
        let Some(range) = range.filter(|_| !statuses.is_empty()) else { return Ok(Vec::new()) };
        let names: Vec<String> = (0..statuses.len()).map(|nth| format!(":s{nth}")).collect();
        let mut query = self
            .jobs_in(user, &range)
            // A suspension cancels what it finds here: a job of the last moment must be among it.
            .consistent_read(true)
            .filter_expression(format!("#status IN ({})", names.join(", ")))
            .expression_attribute_names("#status", "status");
        for (name, status) in names.iter().zip(statuses) {
            query = query.expression_attribute_values(name, S(status.into_str().to_owned()));
        }
        let (mut pages, mut ids) = (query.into_paginator().items().send(), Vec::new());
        while ids.len() <= size.get()
            && let Some(item) = pages.next().await
        {
            let item: Item = item.map_err(StoreError::unavailable)?;
            ids.extend(job_of(&item).map(|(_, id)| id));
        }
        Ok(ids)
    }

    /// A query over the member's jobs in `range`, newest first.
    fn jobs_in(&self, user: &UserId, range: &IdRange) -> QueryFluentBuilder {
        let IdRange { oldest, newest, after } = range;
        let bound = |id: &JobId| format!("{JOB_PREFIX}{id}");
        let query = self
            .partition(user_pk(user))
            .key_condition_expression("pk = :pk AND sk BETWEEN :oldest AND :newest")
            .set_exclusive_start_key(after.as_ref().map(|id| Key::job(user, id).item()));
        IdRange::bounds(query, bound(oldest), bound(newest))
    }

    /// Marks a job's image as a favourite, or removes the mark.
    ///
    /// # Errors
    /// [`NotFound::Generation`], [`domain::generation::GalleryError`], or when the member is
    /// suspended.
    pub async fn set_favourite(
        &self,
        user: &UserId,
        id: &JobId,
        favourite: bool,
        now: Timestamp,
    ) -> Result<JobAndInput, StoreError> {
        let keys = [Key::account(user), Key::job(user, id), Key::input(user, id)];
        let mark = |mut found: BatchItems| {
            let account: Option<Account> = found.next()?;
            let (job, input): (Option<Job>, Option<Input>) = (found.next()?, found.next()?);
            let (Some(account), Some(job), Some(input)) = (account, job, input) else {
                return Err(StoreError::refused(NotFound::Generation));
            };
            account.require_active(now).map_err(StoreError::refused)?;
            if job.favourite == favourite {
                return Ok((Transaction::default(), JobAndInput { job, input }));
            }
            let before = job.clone();
            let job = job.set_favourite(favourite, now).map_err(StoreError::refused)?;
            let writes = Transaction::default().job(Some(&before), &job)?;
            Ok((writes.standing(user, &account.standing)?, JobAndInput { job, input }))
        };
        self.update_items(&keys, mark).await
    }

    /// Deletes a finished job and its input, and requests the erasure of its image in the same
    /// transaction. The ledger keeps the job's entries. A job that does not exist is deleted
    /// already.
    ///
    /// # Errors
    /// [`domain::generation::GalleryError`], or when the member is suspended.
    pub async fn delete_job(
        &self,
        user: &UserId,
        id: &JobId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let keys = [Key::account(user), Key::job(user, id)];
        let delete = |mut found: BatchItems| {
            let (account, job): (Option<Account>, Option<Job>) = (found.next()?, found.next()?);
            if let Some(account) = &account {
                account.require_active(now).map_err(StoreError::refused)?;
            }
            let (Some(account), Some(job)) = (account, job) else {
                return Ok((Transaction::default(), ()));
            };
            job.check_deletable().map_err(StoreError::refused)?;
            let version = Condition::version(job.version);
            let subject = ErasureSubject::Generation { user_id: user.clone(), job_id: id.clone() };
            let writes = Transaction::default()
                .delete(ItemKind::Job, Key::job(user, id), version)
                .delete(ItemKind::Input, Key::input(user, id), Condition::none())
                .erasure(&Erasure::request(subject, now))?;
            Ok((writes.standing(user, &account.standing)?, ()))
        };
        self.update_items(&keys, delete).await
    }
}
