//! The audit: reading it, and verifying its hash chains. `Transaction::audit` writes it.

use std::{collections::VecDeque, time::Duration};

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::AttributeValue};
use domain::{
    Timestamp,
    audit::{
        Action, Actor, Anchors, AuditChain, AuditChains, AuditEntry, AuditRecord, Chain,
        ChainBreak, Head, Target,
    },
    billing::external::EventId,
};

use crate::{
    cursor::{Cursor, InvalidCursor, Page, PageSize},
    error::StoreError,
    events::{AppliedEvent, digest_of},
    keys::{AUDIT_SEQ_MAX, INDEX, Key, audit_chain_pk, audit_index_sk, audit_pk, audited_seq},
    table::{Store, decode},
    transaction::{Committed, Transaction},
};

/// Records read in one trip when only some of them are wanted, of all chains together.
const LOOKED_AT: usize = 200;
/// Most trips for a page.
const TRIPS_MAX: u32 = 5;
/// For how long one record covers all reads of the same target by the same person.
const READ_NOTED: Duration = Duration::from_secs(60 * 60);
/// How often records that were added meanwhile are read before the end is final.
const ENDS_MAX: u32 = 5;

/// A filter on audit records; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The chains that are read.
    pub chains: AuditChains,
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

/// A record, and the chain in which its sequence number counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRecord {
    /// The chain.
    pub chain: AuditChain,
    /// The record.
    pub record: AuditRecord,
}

/// The result of verifying a part of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The chain.
    pub chain: AuditChain,
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

    /// The head of a chain of the audit (Q51).
    pub async fn audit_head(&self, chain: AuditChain) -> Result<Head, StoreError> {
        let head = self.get(&Key::audit_head(chain)).await?;
        Ok(head.unwrap_or_else(|| Head::new(chain)))
    }

    /// A page of audit records, newest first: by target (Q53), else all (Q52). Those of a chain are
    /// in its order, and several chains are merged by time. A page may be short or empty before the
    /// end: follow its cursor.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn audit_log(
        &self,
        wanted: &AuditFilter,
        size: PageSize,
        after: Option<Cursor>,
    ) -> Result<Page<ChainRecord>, StoreError> {
        let mut readings = Reading::begin(wanted.read_chains(), after)?;
        let mut items = Vec::new();
        for _ in 0..TRIPS_MAX {
            self.read_on(&mut readings, wanted.target.as_ref()).await?;
            while let Some(reading) = Reading::newest(&mut readings) {
                let Some(record) = reading.records.pop_front() else { break };
                let is_wanted = wanted.takes(&record);
                if is_wanted && items.len() == size.get() {
                    // The next page begins with it.
                    return Ok(Page { items, next_cursor: Some(Reading::cursor(&readings)) });
                }
                let chain = reading.chain;
                reading.below = Some(record.seq);
                if is_wanted {
                    items.push(ChainRecord { chain, record });
                }
            }
            if readings.iter().all(Reading::is_over) {
                return Ok(Page { items, next_cursor: None });
            }
        }
        Ok(Page { items, next_cursor: Some(Reading::cursor(&readings)) })
    }

    /// Reads on in each chain whose records are used up.
    async fn read_on(
        &self,
        readings: &mut [Reading],
        target: Option<&Target>,
    ) -> Result<(), StoreError> {
        let share = LOOKED_AT / readings.len().max(1);
        // What the index names is read in one batch.
        let most = if target.is_some() { share.min(PageSize::WHOLE.get()) } else { share };
        for reading in readings.iter_mut().filter(|it| it.records.is_empty() && it.more) {
            let (records, more) = self.records_below(reading, target, most).await?;
            let newest = records.front().map_or(0, |it| it.seq + 1);
            reading.below.get_or_insert(newest);
            reading.more = more && !records.is_empty();
            reading.records = records;
        }
        Ok(())
    }

    /// The newest `most` records below where the reading is, and whether there are more: of the
    /// chain, or those of it about a target, whose keys are in the index.
    async fn records_below(
        &self,
        reading: &Reading,
        target: Option<&Target>,
        most: usize,
    ) -> Result<(VecDeque<AuditRecord>, bool), StoreError> {
        let (chain, bounds) = (reading.chain, [0, reading.last()]);
        let (query, condition, [first, last]) = match target {
            Some(target) => (
                self.partition(audit_pk(target)).index_name(INDEX),
                "gsi1pk = :pk AND gsi1sk BETWEEN :first AND :last",
                bounds.map(|seq| audit_index_sk(chain, seq)),
            ),
            None => (
                self.records(chain),
                "pk = :pk AND sk BETWEEN :first AND :last",
                bounds.map(|seq| Key::audit(chain, seq).sk),
            ),
        };
        let answer = query
            .key_condition_expression(condition)
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last))
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let more = answer.last_evaluated_key.is_some();
        let found = answer.items.unwrap_or_default();
        let records: VecDeque<AuditRecord> = match target {
            Some(_) => {
                let seqs = found.iter().filter_map(|item| audited_seq(chain, item));
                let keys: Vec<Key> = seqs.map(|seq| Key::audit(chain, seq)).collect();
                self.get_all(&keys).await?.rest::<AuditRecord>()?.into()
            }
            None => found.into_iter().map(decode::<AuditRecord>).collect::<Result<_, _>>()?,
        };
        Ok((records, more))
    }

    /// Verifies several chains, one after the other: a part of one in a call. A broken chain ends
    /// it.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn verify_audit_chains(
        &self,
        chains: AuditChains,
        after: Option<Cursor>,
    ) -> Result<Verified, StoreError> {
        let each = chains.each();
        let first = each.first().copied().unwrap_or(AuditChain::Staff);
        let (chain, after) = match after {
            Some(cursor) => chain_and_place(&cursor)?,
            None => (first, None),
        };
        let part = self.verify_audit(chain, after, &Anchors::default()).await?;
        let next_cursor = match &part.next_cursor {
            Some(Cursor(place)) => Some(Cursor(format!("{chain}:{place}"))),
            None if part.broken.is_some() => None,
            None => {
                let next = each.into_iter().skip_while(|it| *it != chain).nth(1);
                next.map(|next| Cursor(format!("{next}:")))
            }
        };
        Ok(Verified { next_cursor, ..part })
    }

    /// Verifies a chain from its start, or from where an earlier part ended, as far as one trip
    /// goes (Q54), and compares its end with the stored head. A record whose hash is anchored
    /// elsewhere must have that hash.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub async fn verify_audit(
        &self,
        which: AuditChain,
        after: Option<Cursor>,
        anchors: &Anchors,
    ) -> Result<Verified, StoreError> {
        let mut chain = after.map_or_else(|| Ok(Chain::new(which)), |it| chain_of(&it))?;
        let mut ended = Ok(());
        for _ in 0..ENDS_MAX {
            match self.follow(which, &mut chain, anchors).await? {
                Err(broken) => return Ok(Verified::ended(which, &chain, Err(broken))),
                Ok(true) => return Ok(Verified::so_far(which, &chain)),
                Ok(false) => {}
            }
            let head = self.audit_head(which).await?;
            ended = chain.end(&head).and_then(|()| anchors.end(&chain));
            if head.seq <= chain.seq {
                break;
            }
            // Records are missing: they may have been added since.
        }
        Ok(Verified::ended(which, &chain, ended))
    }

    /// Verifies the records of one trip. Returns whether there are more.
    async fn follow(
        &self,
        which: AuditChain,
        chain: &mut Chain,
        anchors: &Anchors,
    ) -> Result<Result<bool, ChainBreak>, StoreError> {
        let start = (chain.seq > 0).then(|| Key::audit(which, chain.seq).item());
        let query = self.records(which).consistent_read(true).set_exclusive_start_key(start);
        let answer = query.send().await.map_err(StoreError::unavailable)?;
        let followed = answer.items.unwrap_or_default().into_iter().try_for_each(|item| {
            let at = audited_seq(which, &item);
            match decode::<AuditRecord>(item) {
                Ok(row) => chain.follow(&row, at).and_then(|()| anchors.meet(chain)),
                // Not an audit record.
                Err(_) => chain.garbled(at),
            }
        });
        Ok(followed.map(|()| answer.last_evaluated_key.is_some()))
    }

    fn records(&self, chain: AuditChain) -> QueryFluentBuilder {
        self.partition(audit_chain_pk(chain))
    }
}

/// A chain that is read backwards.
struct Reading {
    chain: AuditChain,
    /// The sequence number below which the next page begins; `None` before the first trip.
    below: Option<u64>,
    /// What was read and is not on a page yet, newest first.
    records: VecDeque<AuditRecord>,
    /// Whether there are records below those.
    more: bool,
}

impl Reading {
    /// The chains from the newest record on, or from where the page before ended.
    fn begin(chains: Vec<AuditChain>, after: Option<Cursor>) -> Result<Vec<Reading>, StoreError> {
        let places = Cursor::parsed(after, |text| {
            text.split('.').map(str::parse::<u64>).collect::<Result<Vec<u64>, _>>()
        })?;
        if places.as_ref().is_some_and(|places| places.len() != chains.len()) {
            return Err(StoreError::refused(InvalidCursor::new()));
        }
        let begin = |(nth, chain): (usize, AuditChain)| Reading {
            chain,
            below: places.as_ref().and_then(|places| places.get(nth).copied()),
            records: VecDeque::new(),
            more: true,
        };
        Ok(chains.into_iter().enumerate().map(begin).collect())
    }

    /// Where the next page begins in each chain.
    fn cursor(readings: &[Reading]) -> Cursor {
        let below = readings.iter().map(|it| it.below.unwrap_or_default().to_string());
        Cursor(below.collect::<Vec<_>>().join("."))
    }

    /// The chain whose next record is the newest. `None` if one has to be read on before that can
    /// be said, or all are at their end.
    fn newest(readings: &mut [Reading]) -> Option<&mut Reading> {
        if readings.iter().any(|it| it.records.is_empty() && it.more) {
            return None;
        }
        let left = readings.iter_mut().filter(|it| !it.records.is_empty());
        left.max_by_key(|it| it.records.front().map(|record| record.at))
    }

    /// The last sequence number that may be read.
    fn last(&self) -> u64 {
        self.below.map_or(AUDIT_SEQ_MAX, |below| below.saturating_sub(1))
    }

    fn is_over(&self) -> bool {
        self.records.is_empty() && !self.more
    }
}

impl Verified {
    fn ended(which: AuditChain, chain: &Chain, ended: Result<(), ChainBreak>) -> Verified {
        let hash = chain.hash.clone();
        let broken = ended.err();
        Verified { chain: which, verified: chain.seq, hash, broken, next_cursor: None }
    }

    fn so_far(which: AuditChain, chain: &Chain) -> Verified {
        let next_cursor = Some(Cursor(format!("{}:{}", chain.seq, chain.hash)));
        let hash = chain.hash.clone();
        Verified { chain: which, verified: chain.seq, hash, broken: None, next_cursor }
    }
}

impl AuditFilter {
    /// The chains to be read: what jobs did to a target is in one of theirs.
    fn read_chains(&self) -> Vec<AuditChain> {
        let mut chains = self.chains.each();
        if let Some(target) = &self.target {
            let of_jobs = AuditChain::of_jobs(target);
            chains.retain(|chain| *chain == AuditChain::Staff || *chain == of_jobs);
        }
        chains
    }

    fn takes(&self, row: &AuditRecord) -> bool {
        let by = match &row.entry.actor {
            Actor::Staff { user_id, .. } => user_id.as_str(),
            Actor::Job { name } => name,
        };
        self.actor.as_deref().is_none_or(|actor| actor == by)
            && self.action.is_none_or(|action| action == row.entry.action)
            && self.target.as_ref().is_none_or(|target| *target == row.entry.target)
            && self.from.is_none_or(|from| row.at >= from)
            && self.until.is_none_or(|until| row.at < until)
    }
}

/// The chain of a cursor, and the place in it; `None` is its beginning.
fn chain_and_place(cursor: &Cursor) -> Result<(AuditChain, Option<Cursor>), StoreError> {
    let parts = cursor.0.split_once(':');
    let parts = parts.and_then(|(chain, place)| Some((AuditChain::parse(chain)?, place)));
    let (chain, place) = parts.ok_or_else(|| StoreError::refused(InvalidCursor::new()))?;
    Ok((chain, (!place.is_empty()).then(|| Cursor(place.to_owned()))))
}

fn chain_of(cursor: &Cursor) -> Result<Chain, StoreError> {
    let parts = cursor.0.split_once(':');
    let chain =
        parts.and_then(|(seq, hash)| Some(Chain { seq: seq.parse().ok()?, hash: hash.to_owned() }));
    chain.ok_or_else(|| StoreError::refused(InvalidCursor::new()))
}
