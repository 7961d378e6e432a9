//! Staff metrics: facts, each counted once, and their sums.
//!
//! A fact about money is written, not yet counted, in the transaction it is about. All others are
//! derived from the table's stream ([`stated_by`]). [`Store::count`] marks a fact as counted and
//! adds it to the sums in one transaction, so a change that the stream delivers twice, late or out
//! of order is counted once.
//!
//! The stream keeps a change for a day. If it is not read for longer, facts about money are still in
//! the table, and the nightly report counts them. Facts of jobs and members are derived again from
//! the items they are about ([`facts_of`]), by `scripts/migrate ENV facts`: writing them with each
//! job would cost every generation two write units for what an operator needs once in years.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    account::Account,
    billing::Billing,
    generation::Job,
    id::{Named, UserId, shard_in},
    metrics::{Counters, Fact, FactKind, Metrics, Ranked, Span, TOP},
    time::{Day, Month},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::IntoStaticStr;

use crate::{
    condition::{Condition, string},
    error::StoreError,
    keys::{
        FACT_SHARDS, GRACES, Item, JOB_PREFIX, Key, PK, SK, creator_of_journal, due_bound,
        facts_pk, is_account, is_facts, rank_index, rank_pk, sums_day, sums_pk, text, user_of,
    },
    marketplace::entry_of,
    table::{IndexPage, IndexPosition, Store, decode, encode, image_item},
    transaction::{ItemKind, Transaction},
    versioned::versioned,
};

/// Most facts of one transaction: each may change two ranking entries and the sums of its own day,
/// and DynamoDB takes a hundred writes.
pub const FACTS_AT_ONCE: usize = 24;
/// Most facts of one trip that only reads.
const MARKS_AT_ONCE: usize = 100;
/// Most trips for a month or a shard of a day's facts.
const TRIPS_MAX: u32 = 200;
/// How often the sums are read again because they changed meanwhile.
const READS_MAX: u32 = 5;
/// The attribute that says whether a fact is in the sums.
const COUNTED: &str = "counted";
const NOT_YET: &str = "not_yet";
const YES: &str = "yes";

/// What is ranked, per calendar month.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Board {
    /// Creators, by sales.
    Creators,
    /// Presets, by finished generations.
    Presets,
    /// Listings, by finished generations.
    Listings,
}

/// The result of counting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Facts counted now.
    pub now: usize,
    /// Facts already counted.
    pub before: usize,
}

/// A stored ranking entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rank {
    board: Board,
    month: Month,
    id: String,
    amount: i64,
    /// The member whose preset it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<UserId>,
    version: u64,
}

versioned! {
    Rank = Rank, |it| Key::rank(it.board, it.month, &it.id),
        |it| Some(rank_index(it.board, it.month, &it.id, it.amount));
}

#[derive(Debug, Deserialize)]
struct Mark {
    counted: String,
}

/// The facts of a stream image that are not counted yet; empty if it states none.
///
/// # Errors
/// [`StoreError::Corrupt`] when the item has the key of such an item and is none.
pub fn stated_by(image: &Map<String, Value>) -> Result<Vec<Fact>, StoreError> {
    let of = |name: &str, kind: &str| image.get(name).and_then(|value| value.get(kind)?.as_str());
    let sk = of(SK, "S").unwrap_or_default();
    // A member joins with the first version of the account.
    let is_known = is_account(sk) && of("version", "N") != Some("1");
    match is_known {
        true => Ok(Vec::new()),
        false => facts_of(image_item(image)?),
    }
}

/// The facts that a stored item states, except those that are counted; empty if it states none.
///
/// # Errors
/// [`StoreError::Corrupt`] when the item has the key of such an item and is none.
pub fn facts_of(item: Item) -> Result<Vec<Fact>, StoreError> {
    let (pk, sk) = (text(&item, PK).unwrap_or_default(), text(&item, SK).unwrap_or_default());
    if is_facts(pk) {
        let waits = text(&item, COUNTED) == Some(NOT_YET);
        return if waits { Ok(vec![decode(item)?]) } else { Ok(Vec::new()) };
    }
    if let Some(creator) = creator_of_journal(pk) {
        let creator = UserId::parse(creator).map_err(StoreError::corrupt)?;
        return Ok(Fact::of_leg(&creator, &entry_of(item)?).into_iter().collect());
    }
    if is_account(sk) {
        let account: Account = decode(item)?;
        return Ok(vec![Fact::of_member(&account.user_id, account.created_at)]);
    }
    if sk.starts_with(JOB_PREFIX) {
        return Ok(Fact::of_job(&decode::<Job>(item)?));
    }
    Ok(Vec::new())
}

/// The ranking entries that a fact changes, and by how much.
fn moves(fact: &Fact) -> Vec<(Board, String, i64)> {
    match &fact.what {
        FactKind::Market(leg) => {
            vec![(Board::Creators, leg.creator_id.to_string(), leg.commission + leg.share)]
        }
        FactKind::Finished(job) => {
            let preset = job.preset_id.iter().map(|id| (Board::Presets, id.to_string(), 1));
            let listing = job.listing_id.iter().map(|id| (Board::Listings, id.to_string(), 1));
            preset.chain(listing).collect()
        }
        FactKind::Moved(_)
        | FactKind::Sold { .. }
        | FactKind::Returned { .. }
        | FactKind::Kept { .. }
        | FactKind::Declined { .. }
        | FactKind::Joined
        | FactKind::Active { .. } => Vec::new(),
    }
}

/// The preset that a fact is about, with the member whose preset it is.
fn owner_of(fact: &Fact) -> Option<(String, UserId)> {
    let FactKind::Finished(job) = &fact.what else { return None };
    Some((job.preset_id.as_ref()?.to_string(), job.user_id.clone()?))
}

impl From<Rank> for Ranked {
    fn from(Rank { id, amount, owner, .. }: Rank) -> Ranked {
        let owner = owner.map(|id| Named { id, name: None });
        Ranked { id, name: None, owner, amount }
    }
}

impl Store {
    /// Those of some facts that are not counted yet, each once (Q49).
    pub async fn uncounted(&self, facts: Vec<Fact>) -> Result<Vec<Fact>, StoreError> {
        let mut seen = BTreeSet::new();
        let mut facts: Vec<Fact> =
            facts.into_iter().filter(|fact| seen.insert((fact.day(), fact.id.clone()))).collect();
        let mut marks = Vec::with_capacity(facts.len());
        for some in facts.chunks(MARKS_AT_ONCE) {
            let keys: Vec<Key> = some.iter().map(Key::fact).collect();
            let mut found = self.get_all(&keys).await?;
            for _ in some {
                let mark: Option<Mark> = found.next()?;
                marks.push(mark.is_some_and(|mark| mark.counted == YES));
            }
        }
        let mut counted = marks.into_iter();
        facts.retain(|_| counted.next() == Some(false));
        Ok(facts)
    }

    /// Counts facts, each once however often it is given (Q49).
    ///
    /// # Errors
    /// When DynamoDB is unavailable; some of them may be counted then.
    pub async fn count(&self, facts: &[Fact]) -> Result<Counted, StoreError> {
        // DynamoDB refuses two writes of one key in a transaction.
        let mut keys = BTreeSet::new();
        let once = facts.iter().filter(|fact| keys.insert((fact.day(), fact.id.as_str())));
        let once: Vec<&Fact> = once.collect();
        let mut counted = Counted { now: 0, before: facts.len() - once.len() };
        for some in once.chunks(FACTS_AT_ONCE) {
            let now = self.count_some(some).await?;
            counted.now += now;
            counted.before += some.len() - now;
        }
        Ok(counted)
    }

    async fn count_some(&self, facts: &[&Fact]) -> Result<usize, StoreError> {
        let mut places: BTreeSet<(Board, Month, String)> = BTreeSet::new();
        for fact in facts {
            let month = fact.day().month();
            places.extend(moves(fact).into_iter().map(|(board, id, _)| (board, month, id)));
        }
        let mut keys: Vec<Key> = facts.iter().map(|fact| Key::fact(fact)).collect();
        keys.extend(places.iter().map(|(board, month, id)| Key::rank(*board, *month, id)));
        self.update_items(&keys, |mut found| {
            let mut news = Vec::new();
            for fact in facts {
                let mark: Option<Mark> = found.next()?;
                if mark.is_none_or(|mark| mark.counted != YES) {
                    news.push(*fact);
                }
            }
            if news.is_empty() {
                return Ok((Transaction::default(), 0));
            }
            let mut ranks = BTreeMap::new();
            for place in &places {
                ranks.insert(place.clone(), found.next::<Rank>()?);
            }
            let writes = Transaction::default().counted(&news)?.ranks(&news, &ranks)?;
            Ok((writes, news.len()))
        })
        .await
    }

    /// The data of a report on a period: the sums of every month from the first day of the
    /// comparison to today, the totals, and the rankings of the month in which the period ends
    /// (Q46, Q47).
    pub async fn metrics(&self, span: Span, now: Timestamp) -> Result<Metrics, StoreError> {
        let month = span.to.month();
        let mut metrics = Metrics::default();
        let last = Day::of(now).max(span.to.end_of_week());
        let read = Span { from: span.before().from, to: last };
        for _ in 0..READS_MAX {
            metrics.totals = self.total_sums().await?;
            metrics.days.clear();
            for month in read.months() {
                self.add_month(month, &mut metrics.days).await?;
            }
            // Otherwise a change in between would be subtracted from a sum that lacks it.
            if self.total_sums().await? == metrics.totals {
                return self.with_rankings(metrics, month).await;
            }
        }
        Err(StoreError::Busy)
    }

    async fn with_rankings(
        &self,
        mut metrics: Metrics,
        month: Month,
    ) -> Result<Metrics, StoreError> {
        metrics.creators = self.ranking(Board::Creators, month).await?;
        metrics.presets = self.ranking(Board::Presets, month).await?;
        metrics.listings = self.ranking(Board::Listings, month).await?;
        Ok(metrics)
    }

    /// Every fact of a day, unordered (Q48): all are in memory, so this is for a day with few. For
    /// others there is [`Store::recount_page`].
    pub async fn facts_of_day(&self, day: Day) -> Result<Vec<Fact>, StoreError> {
        let mut facts = Vec::new();
        for shard in 0..FACT_SHARDS {
            for item in self.all_of(facts_pk(day, shard), TRIPS_MAX).await? {
                facts.push(decode(item)?);
            }
        }
        Ok(facts)
    }

    /// Members whose grace period ended by `now` without a payment, longest ago first (Q50). The
    /// index may lag: it may still show some that were just ended.
    pub async fn due_graces(
        &self,
        now: Timestamp,
        after: Option<&IndexPosition>,
        most: u16,
    ) -> Result<IndexPage<UserId>, StoreError> {
        self.walked(GRACES, Some(due_bound(now)), (after, most), user_of).await
    }

    /// Ends a member's grace period, dated when it ended; `false` if it is not due or already
    /// ended.
    pub async fn end_grace(&self, user: &UserId, now: Timestamp) -> Result<bool, StoreError> {
        let end = |read: Billing| {
            let mut after = Billing { version: read.version + 1, ..read.clone() };
            match after.end_grace(now) {
                Some(fact) => {
                    let writes = Transaction::default().billing(&read, &after)?;
                    Ok((writes.facts(&[fact])?, true))
                }
                None => Ok((Transaction::default(), false)),
            }
        };
        self.update_loaded(async || self.billing(user).await, end).await
    }

    async fn total_sums(&self) -> Result<Counters, StoreError> {
        let found: Option<BTreeMap<String, Value>> = self.get(&Key::total_sums()).await?;
        let sums = found.unwrap_or_default().into_iter();
        Ok(Counters::of(sums.filter_map(|(name, sum)| Some((name, sum.as_i64()?)))))
    }

    async fn add_month(
        &self,
        month: Month,
        days: &mut BTreeMap<Day, Counters>,
    ) -> Result<(), StoreError> {
        for item in self.all_of(sums_pk(month), TRIPS_MAX).await? {
            if let Some(day) = sums_day(&item) {
                days.entry(day).or_default().merge(&sums_of(&item));
            }
        }
        Ok(())
    }

    /// The top of a ranking, highest first.
    async fn ranking(&self, board: Board, month: Month) -> Result<Vec<Ranked>, StoreError> {
        let answer = self.last_listed(&rank_pk(board, month), i32::from(TOP)).await?;
        let found = answer.items.unwrap_or_default();
        let ids = found.iter().filter_map(|item| text(item, SK));
        let keys: Vec<Key> = ids.map(|id| Key::rank(board, month, id)).collect();
        let mut ranks: Vec<Rank> = self.get_all(&keys).await?.rest()?;
        ranks.sort_by(|one, other| (other.amount, &one.id).cmp(&(one.amount, &other.id)));
        Ok(ranks.into_iter().map(Ranked::from).collect())
    }
}

impl Transaction {
    /// Writes new facts, to be counted later.
    pub(crate) fn facts(self, facts: &[Fact]) -> Result<Self, StoreError> {
        facts.iter().try_fold(self, |this, fact| {
            Ok(this.put(ItemKind::Fact, fact_item(fact, NOT_YET)?, Condition::absent()))
        })
    }

    /// Marks uncounted facts as counted, and adds them to the sums.
    fn counted(mut self, facts: &[&Fact]) -> Result<Self, StoreError> {
        let mut days: BTreeMap<Day, Vec<&Fact>> = BTreeMap::new();
        for fact in facts {
            let uncounted = Condition::that("attribute_not_exists(pk) OR counted <> :yes");
            let uncounted = uncounted.value(":yes", string(YES));
            self = self.put(ItemKind::Fact, fact_item(fact, YES)?, uncounted);
            days.entry(fact.day()).or_default().push(fact);
        }
        let mut levels = Counters::default();
        for (day, facts) in days {
            let sums = Counters::fold(facts.iter().copied());
            levels.merge(&sums.levels());
            // All shards are added up when read: any of them will do.
            let shard = facts.first().map_or(0, |fact| shard_in(&fact.id, FACT_SHARDS));
            self = self.add(Key::sums(day, shard), &sums);
        }
        Ok(self.add(Key::total_sums(), &levels))
    }

    /// Updates the ranking entries of facts that are being counted.
    fn ranks(
        self,
        facts: &[&Fact],
        ranks: &BTreeMap<(Board, Month, String), Option<Rank>>,
    ) -> Result<Self, StoreError> {
        let mut by: BTreeMap<(Board, Month, String), i64> = BTreeMap::new();
        let mut owners: BTreeMap<String, UserId> = BTreeMap::new();
        for fact in facts {
            owners.extend(owner_of(fact));
            for (board, id, amount) in moves(fact) {
                *by.entry((board, fact.day().month(), id)).or_default() += amount;
            }
        }
        by.into_iter().filter(|(_, by)| *by != 0).try_fold(self, |this, (place, by)| {
            let before = ranks.get(&place).and_then(Option::as_ref);
            let ((board, month, id), amount) = (place, before.map_or(0, |rank| rank.amount) + by);
            let version = before.map_or(0, |rank| rank.version);
            let owner = owners.get(&id).cloned();
            let owner = owner.or_else(|| before.and_then(|rank| rank.owner.clone()));
            this.put_versioned(before, &Rank { board, month, id, amount, owner, version })
        })
    }
}

/// Whether a stored fact is in the sums.
pub(crate) fn is_counted(fact: &Item) -> bool {
    text(fact, COUNTED) == Some(YES)
}

fn fact_item(fact: &Fact, counted: &str) -> Result<Item, StoreError> {
    let mut item = encode(&Key::fact(fact), fact)?;
    item.insert(COUNTED.to_owned(), AttributeValue::S(counted.to_owned()));
    Ok(item)
}

fn sums_of(item: &Item) -> Counters {
    let sum = |value: &AttributeValue| value.as_n().ok()?.parse().ok();
    Counters::of(item.iter().filter_map(|(name, value)| Some((name.clone(), sum(value)?))))
}
