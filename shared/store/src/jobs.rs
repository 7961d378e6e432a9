//! Jobs: creating, reading, advancing and settling them; see `gallery` for lists.

use domain::{
    Timestamp,
    account::{Account, AccountUpdate, EmailClaim},
    generation::{CancelError, GenerationRequest, Input, Job, ResolvedSource},
    id::{JobId, ListingId, PresetId, UserId},
    preset::Preset,
};

use crate::{
    accounts::begin_update,
    condition::Condition,
    error::{NotFound, StoreError},
    idempotency::{Created, Idempotency, Outcome, outcome},
    keys::{Item, JOB_PREFIX, Key, due_bound, job_index, job_of, open_pk, set_index_key},
    marketplace::Licensed,
    rewrite::{Rewrite, set_shape},
    table::{BatchItems, IndexPage, IndexPosition, Store, decode, decode_image, encode},
    transaction::{ItemKind, Transaction},
    update::{Decided, UpdateError},
};

/// The number of a job's shape: see [`crate::rewrite`].
const SHAPE: u32 = 1;

/// A job and its input.
#[derive(Debug, Clone)]
pub struct JobAndInput {
    /// The job.
    pub job: Job,
    /// Its input.
    pub input: Input,
}

/// The stored source of a new job, as the request names it.
#[derive(Debug, Clone, Copy)]
pub enum SourceRef<'a> {
    /// No stored source.
    Nothing,
    /// A preset of the member.
    Preset(&'a PresetId),
    /// A listing that the member bought or created, and the version they want.
    Listing(&'a ListingId, Option<u32>),
}

impl<'a> SourceRef<'a> {
    /// The source that a request names.
    pub fn of(order: &'a GenerationRequest) -> SourceRef<'a> {
        match (&order.listing_id, &order.preset_id) {
            (Some(listing), _) => SourceRef::Listing(listing, order.listing_version),
            (None, Some(preset)) => SourceRef::Preset(preset),
            (None, None) => SourceRef::Nothing,
        }
    }

    /// The keys of the source, read with account and record.
    fn keys(self, user: &UserId) -> Vec<Key> {
        match self {
            SourceRef::Nothing => Vec::new(),
            SourceRef::Preset(preset) => vec![Key::preset(user, preset)],
            SourceRef::Listing(listing, _) => {
                vec![Key::listing(listing), Key::entitlement(user, listing)]
            }
        }
    }
}

/// What a new job is decided on.
struct JobSource {
    account: Option<Account>,
    named: Option<ResolvedSource>,
    /// What the use of a listing depends on.
    licensed: Option<Licensed>,
}

/// The outcome of ending a job.
#[derive(Debug, Clone)]
pub enum Settled {
    /// Ended, and its hold with it.
    Now(Box<Job>),
    /// Another writer changed the job first: nothing was written.
    Elsewhere,
}

impl Store {
    /// Creates a job: one read (Q2) and one transaction of account, job, input, ledger entry and
    /// idempotency record. The table's stream then queues it.
    ///
    /// `place` decides on the account brought up to date and on the preset or the listing, if one
    /// is named; the version of a listing is one more read. The same key returns the job it created
    /// before, in its current state.
    ///
    /// # Errors
    /// What `place` refuses or [`crate::KeyError`].
    pub async fn enqueue<D: Decided<Value = (Job, Input)>>(
        &self,
        (user, email): (&UserId, Option<EmailClaim<'_>>),
        request: &Idempotency,
        naming: SourceRef<'_>,
        now: Timestamp,
        place: impl Fn(&mut AccountUpdate, Option<ResolvedSource>) -> D,
    ) -> Result<Job, StoreError> {
        let create = |read: Created<JobSource, JobId>| {
            let (account, named, licensed) = match read {
                Created::New(JobSource { account, named, licensed }) => (account, named, licensed),
                Created::Before(id) => return Ok((Transaction::default(), Created::Before(id))),
            };
            let mut update = begin_update(account, user, email, now)?;
            let (job, input) = place(&mut update, named).decided()?;
            let writes = Transaction::default()
                .account(&update.finish())?
                .job(None, &job)?
                .new_item(ItemKind::Input, &Key::input(user, &job.id), &input)?
                .remember(user, Some(request), Outcome::Job(job.id.clone()), now)?
                .made_with(licensed.as_ref(), now)?;
            Ok((writes, Created::New(job)))
        };
        let read = async || self.source_of(user, request, naming, now).await;
        match self.update_loaded(read, create).await? {
            Created::New(job) => Ok(job),
            Created::Before(id) => self.job(user, &id).await,
        }
    }

    /// Reads what a new job is decided on. A repeat is answered before any rule runs: it must never
    /// become a 402.
    async fn source_of(
        &self,
        user: &UserId,
        request: &Idempotency,
        naming: SourceRef<'_>,
        now: Timestamp,
    ) -> Result<Created<JobSource, JobId>, StoreError> {
        let mut keys = vec![Key::account(user), Key::idempotency(user, &request.key)];
        keys.extend(naming.keys(user));
        let mut found = self.get_all(&keys).await?;
        let account = found.next()?;
        if let Some(Outcome::Job(id)) = outcome(found.next()?, Some(request), now)? {
            return Ok(Created::Before(id));
        }
        let (named, licensed) = match naming {
            SourceRef::Nothing => (None, None),
            SourceRef::Preset(_) => {
                let preset: Option<Preset> = found.next()?;
                (preset.map(|preset| ResolvedSource::from_preset(preset.content)), None)
            }
            SourceRef::Listing(listing, version) => {
                let read = (found.next()?, found.next()?);
                self.licensed(user, (listing, version), read).await?.unzip()
            }
        };
        Ok(Created::New(JobSource { account, named, licensed }))
    }

    /// Cancels a job as the domain allows it, or repeats the answer of the same key.
    ///
    /// # Errors
    /// [`NotFound::Generation`], [`domain::generation::CancelError`] or [`crate::KeyError`].
    pub async fn cancel(
        &self,
        user: &UserId,
        id: &JobId,
        request: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<Job, StoreError> {
        self.take_back(user, id, request, now, Job::cancel).await
    }

    /// Cancels a job of a member who is suspended.
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
        self.update_items(&keys, |mut found| {
            let (account, job): (Option<Account>, Option<Job>) = (found.next()?, found.next()?);
            let job = job.ok_or_else(|| StoreError::refused(NotFound::Generation))?;
            if outcome(found.next()?, request, now)?.is_some() {
                return Ok((Transaction::default(), job));
            }
            let mut update = begin_update(account, user, None, now)?;
            let before = job.clone();
            let cancelled = how(job, &mut update).map_err(StoreError::refused)?;
            let writes = Transaction::default()
                .account(&update.finish())?
                .job(Some(&before), &cancelled)?
                .remember(user, request, Outcome::Job(cancelled.id.clone()), now)?;
            Ok((writes, cancelled))
        })
        .await
    }

    /// One job of the member's.
    ///
    /// # Errors
    /// [`NotFound::Generation`].
    pub async fn job(&self, user: &UserId, id: &JobId) -> Result<Job, StoreError> {
        let found = self.get(&Key::job(user, id)).await?;
        found.ok_or_else(|| StoreError::refused(NotFound::Generation))
    }

    /// One job and its input, in one trip (Q3).
    ///
    /// # Errors
    /// [`NotFound::Generation`].
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

    /// Whether a job has ended, by an eventually consistent read of half a unit (Q1): for a caller
    /// who looks often. A job that the read does not show, because it is new, has not ended.
    pub async fn has_ended(&self, user: &UserId, id: &JobId) -> Result<bool, StoreError> {
        let get = self.client.get_item().table_name(&self.table);
        let get = get.set_key(Some(Key::job(user, id).item())).consistent_read(false);
        let item = get.send().await.map_err(StoreError::unavailable)?.item;
        let job: Option<Job> = item.map(decode).transpose()?;
        Ok(job.is_some_and(|job| job.status.is_final()))
    }

    /// Writes a job that advanced without touching credits, if its version is unchanged. `true` if
    /// it was written.
    pub async fn advance(&self, before: &Job, after: &Job) -> Result<bool, StoreError> {
        self.replace(&job_item(before)?, job_item(after)?, before.version).await
    }

    /// Ends a job and its hold in one transaction, if the job's version is unchanged.
    ///
    /// # Errors
    /// What `end` refuses.
    pub async fn settle<D: Decided<Value = Job>>(
        &self,
        job: &Job,
        now: Timestamp,
        end: impl Fn(Job, &mut AccountUpdate) -> D,
    ) -> Result<Settled, StoreError> {
        let keys = [Key::account(&job.user_id), Key::job(&job.user_id, &job.id)];
        let end = |mut found: BatchItems| {
            let (account, present): (Option<Account>, Option<Job>) = (found.next()?, found.next()?);
            // The hold may have ended already: ending it again would look like a bug.
            if present.is_none_or(|present| present.version != job.version) {
                return Ok((Transaction::default(), Settled::Elsewhere));
            }
            let mut update = begin_update(account, &job.user_id, None, now)?;
            let ended = end(job.clone(), &mut update).decided()?;
            let writes = Transaction::default().account(&update.finish())?;
            Ok((writes.job(Some(job), &ended)?, Settled::Now(Box::new(ended))))
        };
        match self.update_unless(&[ItemKind::Job], async || self.get_all(&keys).await, end).await {
            Ok(settled) => Ok(settled),
            Err(UpdateError::Conflict(_)) => Ok(Settled::Elsewhere),
            Err(UpdateError::Store(error)) => Err(error),
        }
    }

    /// Due jobs of one shard, oldest first (Q9).
    pub async fn due_jobs(
        &self,
        shard: u8,
        now: Timestamp,
        (after, most): (Option<&IndexPosition>, u16),
    ) -> Result<IndexPage<(UserId, JobId)>, StoreError> {
        self.walked(&open_pk(shard), Some(due_bound(now)), (after, most), job_of).await
    }
}

impl Transaction {
    /// Writes a job in place of `before`, or a new one. The domain counts its version.
    pub(crate) fn job(self, before: Option<&Job>, job: &Job) -> Result<Self, StoreError> {
        let item = job_item(job)?;
        Ok(match before {
            Some(before) => {
                let rewrite = Rewrite::of(&job_item(before)?, &item, before.version);
                self.rewrite(ItemKind::Job, Key::job(&job.user_id, &job.id), rewrite)
            }
            None => self.put(ItemKind::Job, item, Condition::absent()),
        })
    }
}

/// A job as an item, with its index key.
fn job_item(job: &Job) -> Result<Item, StoreError> {
    let mut item = encode(&Key::job(&job.user_id, &job.id), job)?;
    set_index_key(&mut item, Some(job_index(job)));
    set_shape(&mut item, SHAPE);
    Ok(item)
}

/// The job in a stream image; `None` if the change is about something else.
///
/// # Errors
/// [`StoreError::Corrupt`] when the item has a job's key and is none.
pub fn changed_job(
    image: &serde_json::Map<String, serde_json::Value>,
) -> Result<Option<Job>, StoreError> {
    decode_image(image, |sk| sk.starts_with(JOB_PREFIX))
}
