//! Search performance over many listings: the single definition of the promised limits.

mod listings;
#[cfg(test)]
mod tests;

use std::num::NonZeroU8;
use std::time::{Duration, Instant};

use domain::id::shard_in;
use domain::marketplace::listing::card::SHARDS;

use crate::{Catalogue, CatalogueError, Change, Cost, Document, Query, SearchError, Shard, Sort};
use listings::{CATEGORIES, Dice, KINDS, WORDS, in_chinese, listing};

/// What is promised of so many listings in Latin script, on one processor.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Number of listings.
    pub listings: u64,
    /// Of a warm search, at the 99th percentile.
    pub search: Duration,
    /// Of opening the blobs.
    pub open: Duration,
    /// Of the memory of a process that only searches, in millions of bytes.
    pub memory_mb: f64,
}

/// The promised limits.
pub const LIMITS: [Limits; 2] = [
    Limits {
        listings: LISTINGS,
        search: Duration::from_millis(10),
        open: Duration::from_millis(1_000),
        memory_mb: 256.0,
    },
    Limits {
        listings: 1_000_000,
        search: Duration::from_millis(10),
        open: Duration::from_millis(1_500),
        memory_mb: 700.0,
    },
];

/// Number of listings that are measured unless another is asked for.
const LISTINGS: u64 = 100_000;
const SEARCHES: usize = 2_000;
const CHANGES: u64 = 50;
const SEED: u64 = 11;
const AS_OF: i64 = 1_780_000_000_000;
const MB: f64 = 1_000_000.0;

/// The script of the listings and the searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// With spaces between words. The [`LIMITS`] are for this.
    Latin,
    /// Without spaces.
    Chinese,
}

/// What is searched.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Number of listings.
    pub listings: u64,
    /// Number of shards that they are in.
    pub shards: NonZeroU8,
    /// Their script.
    pub script: Script,
}

impl Default for Setup {
    /// The first of the [`LIMITS`], in as many shards as are deployed.
    fn default() -> Setup {
        let shards = NonZeroU8::new(SHARDS).unwrap_or(NonZeroU8::MIN);
        Setup { listings: LISTINGS, shards, script: Script::Latin }
    }
}

/// The measurements.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Number of listings.
    pub listings: u64,
    /// Number of shards.
    pub shards: usize,
    /// The time to build the blobs; zero if they were only searched.
    pub build: Duration,
    /// The size of all blobs in millions of bytes.
    pub blobs_mb: f64,
    /// The time to open them.
    pub open: Duration,
    /// Number of mixed searches.
    pub searches: usize,
    /// The median search.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// The slowest search.
    pub max: Duration,
    /// Number of changes applied together.
    pub changes: u64,
    /// The time to apply them.
    pub apply: Duration,
    /// The time to apply one more change, the usual case.
    pub apply_one: Duration,
    /// A search after that, at the 99th percentile.
    pub p99_changed: Duration,
    /// Peak memory of the process, in millions of bytes; 0 where it is not known.
    pub memory_mb: f64,
}

/// The blob of each shard, and the time to build all without generating the listings.
///
/// # Errors
/// When the catalogue fails, which is a bug.
pub fn build(setup: Setup) -> Result<(Vec<Vec<u8>>, Duration), CatalogueError> {
    let Setup { listings, shards, script } = setup;
    let mut dice = Dice::new(SEED);
    let mut documents: Vec<Vec<Document>> = vec![Vec::new(); usize::from(shards.get())];
    for number in 0..listings {
        let document = match (script, listing(number, &mut dice)) {
            (Script::Latin, document) => document,
            (Script::Chinese, document) => in_chinese(document, &mut dice),
        };
        documents[usize::from(shard_in(&document.id, shards.get()))].push(document);
    }
    let start = Instant::now();
    let blobs = documents.into_iter().map(|documents| Catalogue::build(documents, AS_OF));
    let blobs = blobs.collect::<Result<Vec<_>, _>>()?;
    Ok((blobs, start.elapsed()))
}

/// Opens the blobs of [`build`], searches them and changes their listings.
///
/// # Errors
/// When the catalogue fails, which is a bug.
pub fn search(blobs: Vec<Vec<u8>>, script: Script) -> Result<Measured, SearchError> {
    let (shards, bytes) = (blobs.len(), blobs.iter().map(Vec::len).sum::<usize>());
    let start = Instant::now();
    let mut catalogue = opened(blobs)?;
    let open = start.elapsed();
    let listings = catalogue.len() as u64;
    let times = searches(&catalogue, SEARCHES, script)?;
    let changes = changed(&catalogue, CHANGES)?;
    let start = Instant::now();
    catalogue.apply(changes.iter().cloned())?;
    let apply = start.elapsed();
    let one = changes.into_iter().take(1).map(newer);
    let start = Instant::now();
    catalogue.apply(one)?;
    let apply_one = start.elapsed();
    let times_changed = searches(&catalogue, SEARCHES / 4, script)?;
    Ok(Measured {
        listings,
        shards,
        build: Duration::ZERO,
        blobs_mb: bytes as f64 / MB,
        open,
        searches: times.len(),
        p50: part(&times, 50),
        p99: part(&times, 99),
        max: part(&times, 100),
        changes: CHANGES,
        apply,
        apply_one,
        p99_changed: part(&times_changed, 99),
        memory_mb: memory_mb(),
    })
}

fn opened(blobs: Vec<Vec<u8>>) -> Result<Catalogue, CatalogueError> {
    let shards = blobs.into_iter().map(Shard::open);
    Catalogue::of(shards.collect::<Result<Vec<_>, _>>()?)
}

/// The time of the slowest of the fastest `percent`.
fn part(times: &[Duration], percent: usize) -> Duration {
    let place = (times.len() * percent / 100).saturating_sub(1);
    times.get(place).copied().unwrap_or_default()
}

/// The sorted times of different searches. The first search is not counted: it builds the typo
/// tables that all later ones share.
fn searches(
    catalogue: &Catalogue,
    count: usize,
    script: Script,
) -> Result<Vec<Duration>, SearchError> {
    let mut dice = Dice::new(SEED + 1);
    let first = Query { text: Some("photography lights".to_owned()), ..Query::default() };
    catalogue.search(&first, 20, None)?;
    let mut times = Vec::with_capacity(count);
    while times.len() < count {
        let query = query(&mut dice, script);
        let pages = if dice.below(10) == 0 { 8 } else { 1 };
        let mut cursor = None;
        for _ in 0..pages {
            let start = Instant::now();
            let found = catalogue.search(&query, 20, cursor.as_deref())?;
            times.push(start.elapsed());
            cursor = found.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    times.sort_unstable();
    Ok(times)
}

/// A realistic search: mostly two words, some misspelt or unfinished, some filters.
fn query(dice: &mut Dice, script: Script) -> Query {
    let words = dice.below(5);
    let text = match script {
        Script::Latin => (0..words).map(|_| typed(dice)).collect::<Vec<_>>().join(" "),
        Script::Chinese => (0..words).map(|_| dice.chinese_word()).collect::<Vec<_>>().join(" "),
    };
    Query {
        text: (words > 0).then_some(text),
        kinds: now_and_then(dice, 5, &KINDS),
        categories: now_and_then(dice, 4, &CATEGORIES),
        tags: now_and_then(dice, 8, &WORDS),
        price_min: (dice.below(8) == 0).then_some(500),
        price_max: (dice.below(6) == 0).then(|| 1_000 + dice.below(4_000)),
        rating_min: (dice.below(6) == 0).then_some(400),
        creator: (dice.below(30) == 0).then(|| format!("usr_{}", dice.below(20))),
        cost: (dice.below(12) == 0).then_some(Cost::Free),
        sort: (dice.below(2) == 0).then(|| Sort::ALL[dice.below(6) as usize]),
    }
}

/// One of these, in one of `searches` searches.
fn now_and_then(dice: &mut Dice, searches: u64, all: &[&str]) -> Vec<String> {
    let wanted = dice.below(searches) == 0;
    Vec::from_iter(wanted.then(|| dice.of(all).to_owned()))
}

fn typed(dice: &mut Dice) -> String {
    let mut letters: Vec<char> = dice.word().chars().collect();
    let place = 1 + dice.below(letters.len() as u64 - 1) as usize;
    match dice.below(10) {
        0 => letters[place] = 'e',
        1 => letters.swap(place, place.saturating_sub(1).max(1)),
        2 => letters.truncate(place.max(3)),
        _ => {}
    }
    letters.into_iter().collect()
}

/// Newer states of some widely spread listings, one in ten unlisted.
fn changed(catalogue: &Catalogue, count: u64) -> Result<Vec<Change>, CatalogueError> {
    let every = (catalogue.len() as u64 / count).max(1) as usize;
    let listed = catalogue.documents().step_by(every).take(count as usize);
    let changed = listed.enumerate().map(|(number, document)| {
        let document = document?;
        Ok(match number % 10 {
            9 => Change::Unlisted { id: document.id, seq: document.seq + 1 },
            _ => newer(Change::Listed(document)),
        })
    });
    changed.collect()
}

fn newer(change: Change) -> Change {
    match change {
        Change::Listed(document) => Change::Listed(Document {
            seq: document.seq + 1,
            sales: document.sales + 1,
            ..document
        }),
        Change::Unlisted { id, seq } => Change::Unlisted { id, seq: seq + 1 },
    }
}

/// The peak memory that Linux reports for this process.
fn memory_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1_024.0 / MB
}
