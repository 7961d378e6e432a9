//! The audit: reading it, and verifying its hash chain. `Transaction::audit` writes it.

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use domain::{
    Timestamp,
    audit::{Action, Actor, Anchors, AuditEntry, AuditRecord, Chain, ChainBreak, Head, Target},
    billing::external::EventId,
};

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::StoreError,
    events::{AppliedEvent, digest_of},
    keys::{AUDIT, Key, audit_pk, audited_seq},
    table::{Store, decode},
    transaction::{Committed, Transaction},
};

/// Records read in one trip when only some of them are wanted.
const LOOKED_AT: i32 = 200;
/// Most trips for a page.
const TRIPS_MAX: u32 = 5;
/// For how long one record covers all reads of the same target by the same person.
const READ_NOTED: Duration = Duration::from_secs(60 * 60);
/// How often records that were added meanwhile are read before the end is final.
const ENDS_MAX: u32 = 5;

/// A filter on audit records; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The actor: the id of a staff member, or the name of a job.
    pub actor: Option<String>,
    /// The action.
    pub action: Option<Action>,
    /// The target.
    pub target: Option<Target>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// The result of verifying a part of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The sequence number of the last intact record.
    pub verified: u64,
    /// Its hash.
    pub hash: String,
    /// The first broken record, if there is one.
    pub broken: Option<ChainBreak>,
    /// Where to continue; `None` at the end, or where the chain is broken.
    pub next_cursor: Option<Cursor>,
}

impl Store {
    /// Adds the audit entry of an action outside this table, once under `name`, which is remembered
    /// like an event: a resumed run does not add it again.
    pub async fn record_once(
        &self,
        name: &str,
        entry: AuditEntry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = EventId::parse(name).map_err(StoreError::corrupt)?;
        let mark = AppliedEvent { id, kind: "deed".to_owned() };
        match self.commit(Transaction::default().event(&mark, now)?.audit(entry, now)).await? {
            Committed::Yes | Committed::Conflict(_) => Ok(()),
        }
    }

    /// Records that a staff member reads the data of a target, once an hour for each of them and
    /// each target (Q20), so that reading again costs one read and adds nothing to the audit.
    ///
    /// # Errors
    /// When DynamoDB is unavailable: the data must not be shown then.
    pub async fn note_read(&self, entry: AuditEntry, now: Timestamp) -> Result<(), StoreError> {
        let hour = now.floor_to(READ_NOTED).as_secs();
        let said = serde_json::to_string(&(&entry.actor, entry.action, &entry.target, hour));
        let said = said.map_err(StoreError::corrupt)?;
        let name = format!("read_{}", digest_of(&said));
        let mark = EventId::parse(&name).map_err(StoreError::corrupt)?;
        match self.event_applied(&mark).await? {
            true => Ok(()),
            false => self.record_once(&name, entry, now).await,
        }
    }

    /// The head of the audit (Q51).
    pub async fn audit_head(&self) -> Result<Head, StoreError> {
        Ok(self.get(&Key::audit_head()).await?.unwrap_or_default())
    }

    /// A page of audit records, newest first: by target (Q53), else all (Q52). A page may be short
    /// or empty before the end: follow its cursor.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn audit_log(
        &self,
        wanted: &AuditFilter,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let mut below: Option<u64> = Cursor::parsed(after, str::parse)?;
        let mut items = Vec::new();
        for _ in 0..TRIPS_MAX {
            let rows = match &wanted.target {
                Some(target) => self.rows_about(target, below).await?,
                None => self.rows_below(below).await?,
            };
            let Some(last) = rows.last() else { return Ok(Page { items, next_cursor: None }) };
            below = Some(last.seq);
            for row in rows.into_iter().filter(|row| wanted.takes(row)) {
                if items.len() == size.get() {
                    let next = items.last().map(|row: &AuditRecord| Cursor(row.seq.to_string()));
                    return Ok(Page { items, next_cursor: next });
                }
                items.push(row);
            }
        }
        Ok(Page { items, next_cursor: below.map(|seq| Cursor(seq.to_string())) })
    }

    async fn rows_below(&self, below: Option<u64>) -> Result<Vec<AuditRecord>, StoreError> {
        let query = self.rows().scan_index_forward(false).limit(LOOKED_AT);
        let query = query.set_exclusive_start_key(below.map(|seq| Key::audit(seq).item()));
        let answer = query.send().await.map_err(StoreError::unavailable)?;
        answer.items.unwrap_or_default().into_iter().map(decode).collect()
    }

    async fn rows_about(
        &self,
        target: &Target,
        below: Option<u64>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let after = below.map(|seq| (Key::audit(seq), format!("{seq:012}")));
        let most = i32::from(PageSize::MAX);
        let found = self.listed_before(&audit_pk(target), after, most).await?;
        let found = found.items.unwrap_or_default();
        let keys: Vec<Key> = found.iter().filter_map(audited_seq).map(Key::audit).collect();
        self.get_all(&keys).await?.rest()
    }

    /// Verifies the chain from its start, or from where an earlier part ended, as far as one trip
    /// goes (Q54), and compares its end with the stored head. A record whose hash is anchored
    /// elsewhere must have that hash.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn verify_audit(
        &self,
        after: Option<Cursor>,
        anchors: &Anchors,
    ) -> Result<Verified, StoreError> {
        let mut chain = after.map_or_else(|| Ok(Chain::default()), |it| chain_of(&it))?;
        let mut ended = Ok(());
        for _ in 0..ENDS_MAX {
            match self.follow(&mut chain, anchors).await? {
                Err(broken) => return Ok(Verified::ended(&chain, Err(broken))),
                Ok(true) => return Ok(Verified::so_far(&chain)),
                Ok(false) => {}
            }
            let head = self.audit_head().await?;
            ended = chain.end(&head).and_then(|()| anchors.end(&chain));
            if head.seq <= chain.seq {
                break;
            }
            // Records are missing: they may have been added since.
        }
        Ok(Verified::ended(&chain, ended))
    }

    /// Verifies the records of one trip. Returns whether there are more.
    async fn follow(
        &self,
        chain: &mut Chain,
        anchors: &Anchors,
    ) -> Result<Result<bool, ChainBreak>, StoreError> {
        let start = (chain.seq > 0).then(|| Key::audit(chain.seq).item());
        let query = self.rows().consistent_read(true).set_exclusive_start_key(start);
        let answer = query.send().await.map_err(StoreError::unavailable)?;
        let followed = answer.items.unwrap_or_default().into_iter().try_for_each(|item| {
            let at = audited_seq(&item);
            match decode::<AuditRecord>(item) {
                Ok(row) => chain.follow(&row, at).and_then(|()| anchors.meet(chain)),
                // Not an audit record.
                Err(_) => chain.garbled(at),
            }
        });
        Ok(followed.map(|()| answer.last_evaluated_key.is_some()))
    }

    fn rows(&self) -> QueryFluentBuilder {
        self.partition(AUDIT.to_owned())
    }
}

impl Verified {
    fn ended(chain: &Chain, ended: Result<(), ChainBreak>) -> Verified {
        let hash = chain.hash.clone();
        Verified { verified: chain.seq, hash, broken: ended.err(), next_cursor: None }
    }

    fn so_far(chain: &Chain) -> Verified {
        let next_cursor = Some(Cursor(format!("{}:{}", chain.seq, chain.hash)));
        Verified { verified: chain.seq, hash: chain.hash.clone(), broken: None, next_cursor }
    }
}

impl AuditFilter {
    fn takes(&self, row: &AuditRecord) -> bool {
        let by = match &row.deed.actor {
            Actor::Staff { user_id, .. } => user_id.as_str(),
            Actor::Job { name } => name,
        };
        self.actor.as_deref().is_none_or(|actor| actor == by)
            && self.action.is_none_or(|action| action == row.deed.action)
            && self.target.as_ref().is_none_or(|target| *target == row.deed.target)
            && self.from.is_none_or(|from| row.at >= from)
            && self.until.is_none_or(|until| row.at < until)
    }
}

fn chain_of(cursor: &Cursor) -> Result<Chain, StoreError> {
    let parts = cursor.0.split_once(':');
    let chain =
        parts.and_then(|(seq, hash)| Some(Chain { seq: seq.parse().ok()?, hash: hash.to_owned() }));
    chain.ok_or_else(|| StoreError::refused(InvalidCursor::new()))
}
