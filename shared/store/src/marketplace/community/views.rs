//! Views of listings, counted without a write for each.
//!
//! A process collects visitors and writes them now and then as one tally item. A run reads the
//! waiting tallies a page at a time and merges them by listing. It adds the views of some listings
//! in one transaction, to their statistics and to the balances of their creators; a visitor of a
//! listing counts once a day. When all of a page are added, its tallies are deleted.
//!
//! A listing's visitors name the last tally that was counted, in the transaction that adds its
//! views. So a page that is read again, by a run after one that was interrupted or beside one that
//! is late, adds nothing twice. For that, the tallies of a listing are counted in their order: each
//! run begins with the oldest, none is read before it is [`SETTLED`], and the views of a listing
//! that cannot be written are put aside as a tally that is younger than all that were read.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    time::Duration,
};

use domain::{
    Timestamp,
    id::{ListingId, UserId},
    marketplace::{
        community::{
            listing_stats::ListingStats,
            visitor::{VISITORS_A_DAY, VISITORS_A_MINUTE, Visitors, Visits},
        },
        creator::balance::CreatorBalance,
    },
    time::DAY,
};
use serde::{Deserialize, Serialize};

use crate::{
    condition::{Condition, string},
    error::StoreError,
    keys::{Item, Key, SK, VIEWS, text},
    table::{BatchItems, Store, decode, encode, name_of},
    transaction::Transaction,
};

/// The visitors of some listings.
pub type Tally = BTreeMap<ListingId, BTreeSet<u32>>;

/// How long a tally waits at most; older ones are not counted. It is shorter than the visitors of
/// a listing are kept, who name the last tally that was counted.
const KEPT: Duration = DAY.saturating_mul(2);
/// After this time no older tally arrives: a function that writes one ends within ten seconds.
const SETTLED: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);
/// Listings whose views are added in one transaction of at most 100 writes: statistics, visitors
/// and creator balance of each.
const LISTINGS_AT_ONCE: usize = 30;
/// Statistics that are read in one trip.
const STATS_A_TRIP: usize = 100;
/// Most tallies that are read in one trip.
const TALLIES_A_TRIP: i32 = 50;
/// Most visitors of a page, which is in memory as a whole: less than a hundred megabytes.
const VISITORS_AT_ONCE: usize = 4_000_000;
/// The memory of a tally's name, in visitors.
const TALLY_WEIGHT: usize = 10;

#[derive(Debug, Serialize, Deserialize)]
struct TallyItem {
    /// The visitors.
    #[serde(default)]
    visitors: Tally,
    /// Number of views in tallies from before visitors were told apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    views: BTreeMap<ListingId, u32>,
    /// When the visitors came; absent in tallies from before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// Unix seconds: the table's TTL.
    expires_at: i64,
}

/// The creator in a listing's statistics.
#[derive(Debug, Deserialize)]
struct CreatorRef {
    creator_id: UserId,
}

/// A tally of a page.
#[derive(Debug)]
struct TallyRef {
    sk: String,
    at: Timestamp,
}

/// A visitor, and in which tally of the page.
#[derive(Debug, Clone, Copy)]
struct Visit {
    tally: u32,
    visitor: u32,
}

/// The waiting visitors of one listing, in the order of their tallies.
#[derive(Debug)]
struct ListingVisits {
    listing: ListingId,
    /// `None` if the statistics cannot be read.
    creator: Option<UserId>,
    visits: Vec<Visit>,
}

/// A page of waiting views, merged by listing.
#[derive(Debug)]
pub struct WaitingViews {
    tallies: Vec<TallyRef>,
    /// By creator, so that each balance is written once for most of its listings.
    left: Vec<ListingVisits>,
    failed: Vec<ListingVisits>,
    next: Option<String>,
    /// The keys of tallies that cannot be read. They are passed over until they expire.
    pub unreadable: Vec<String>,
}

impl WaitingViews {
    /// Whether all of them were added, or could not be.
    pub fn is_added(&self) -> bool {
        self.left.is_empty()
    }
}

/// What became of the views of some listings.
#[derive(Debug, Default)]
pub struct AddedViews {
    /// How many visitors count.
    pub views: u64,
    /// Listings whose views could not be added, and why.
    pub failed: Vec<(ListingId, StoreError)>,
}

impl Store {
    /// Writes a tally of views.
    pub async fn note_views(&self, visitors: Tally, now: Timestamp) -> Result<(), StoreError> {
        if visitors.is_empty() {
            return Ok(());
        }
        let item = TallyItem::of(visitors, now);
        let item = encode(&Key::views(now, rand::random()), &item)?;
        self.put_item(item, Condition::none()).await.map(drop)
    }

    /// A page of waiting views, the oldest first, behind `after` (Q33).
    pub async fn waiting_views(
        &self,
        now: Timestamp,
        after: Option<&str>,
    ) -> Result<WaitingViews, StoreError> {
        self.waiting_page(now, after, (TALLIES_A_TRIP, VISITORS_AT_ONCE)).await
    }

    /// The same with so many tallies a trip, and no further trip once there are `most` visitors.
    pub(crate) async fn waiting_page(
        &self,
        now: Timestamp,
        after: Option<&str>,
        (a_trip, most): (i32, usize),
    ) -> Result<WaitingViews, StoreError> {
        let mut merged = Merged::default();
        let mut start = after.map(|sk| tally_key(sk).item());
        loop {
            let answer = self
                .partition(VIEWS.to_owned())
                .key_condition_expression("pk = :pk AND sk < :until")
                .expression_attribute_values(":until", string(now.minus(SETTLED)))
                .set_exclusive_start_key(start.take())
                .limit(a_trip)
                .consistent_read(true)
                .send()
                .await
                .map_err(StoreError::unavailable)?;
            answer.items.unwrap_or_default().into_iter().for_each(|item| merged.add(item, now));
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || merged.weight >= most {
                break;
            }
        }
        let Merged { tallies, visits, unreadable, .. } = merged;
        let next = start.as_ref().and_then(|key| text(key, SK)).map(str::to_owned);
        let left = self.by_creator(visits).await?;
        Ok(WaitingViews { tallies, left, failed: Vec::new(), next, unreadable })
    }

    /// Finds the creators of listings, and sorts the listings by them.
    async fn by_creator(
        &self,
        visits: BTreeMap<ListingId, Vec<Visit>>,
    ) -> Result<Vec<ListingVisits>, StoreError> {
        let (mut all, mut found_all) = (visits.into_iter(), Vec::new());
        loop {
            let some: Vec<_> = all.by_ref().take(STATS_A_TRIP).collect();
            if some.is_empty() {
                break;
            }
            let keys: Vec<Key> = some.iter().map(|(listing, _)| Key::stats(listing)).collect();
            let mut found = self.get_all(&keys).await?;
            for (listing, visits) in some {
                let creator = match found.next::<CreatorRef>() {
                    Ok(Some(it)) => Some(it.creator_id),
                    // A draft that was deleted meanwhile has no statistics.
                    Ok(None) => continue,
                    Err(_) => None,
                };
                found_all.push(ListingVisits { listing, creator, visits });
            }
        }
        found_all.sort_by(|one, other| Ord::cmp(&one.creator, &other.creator));
        Ok(found_all)
    }

    /// Adds the views of the next listings of a page. A listing whose views cannot be added does
    /// not keep the others.
    ///
    /// # Errors
    /// When DynamoDB is unavailable. The tallies then stay, and what was added is not added again.
    pub async fn add_views(&self, waiting: &mut WaitingViews) -> Result<AddedViews, StoreError> {
        let from = waiting.left.len().saturating_sub(LISTINGS_AT_ONCE);
        let some = waiting.left.split_off(from);
        let mut added = AddedViews::default();
        match self.add_together(&some, &waiting.tallies).await {
            Ok(views) => return Ok(AddedViews { views, ..added }),
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            // It is about one of them.
            Err(_) => {}
        }
        for one in some {
            match self.add_together(slice::from_ref(&one), &waiting.tallies).await {
                Ok(views) => added.views += views,
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                Err(error) => {
                    added.failed.push((one.listing.clone(), error));
                    waiting.failed.push(one);
                }
            }
        }
        Ok(added)
    }

    /// Adds the views of some listings in one transaction. Returns how many visitors count.
    async fn add_together(
        &self,
        some: &[ListingVisits],
        tallies: &[TallyRef],
    ) -> Result<u64, StoreError> {
        let of_listing = |it: &ListingVisits| [Key::stats(&it.listing), Key::visitors(&it.listing)];
        let mut keys: Vec<Key> = some.iter().flat_map(of_listing).collect();
        let creators: BTreeSet<&UserId> =
            some.iter().filter_map(|it| it.creator.as_ref()).collect();
        keys.extend(creators.into_iter().map(Key::creator));
        let add = |mut found: BatchItems| {
            let mut writes = Transaction::default();
            let mut by_creator: BTreeMap<UserId, Vec<(Timestamp, u64)>> = BTreeMap::new();
            for it in some {
                let read: (Option<ListingStats>, Option<Visitors>) = (found.next()?, found.next()?);
                let (Some(before), known) = read else { continue };
                let mut visitors =
                    known.clone().unwrap_or_else(|| Visitors::none(it.listing.clone()));
                let views = visitors.count_tallies(it.in_tallies(tallies));
                // Nothing is new, nor would it be if they were read again.
                if views.is_empty() {
                    continue;
                }
                let mut after = before.clone();
                views.iter().for_each(|(at, new)| after.count_views(*new, *at));
                writes =
                    writes.replace(Some(&before), &after)?.replace(known.as_ref(), &visitors)?;
                by_creator.entry(before.creator_id).or_default().extend(views);
            }
            for before in found.rest::<CreatorBalance>()? {
                let views = by_creator.get(&before.creator_id);
                let mut after = before.clone();
                views.into_iter().flatten().for_each(|(at, new)| after.count_views(*new, *at));
                writes = writes.replace(Some(&before), &after)?;
            }
            let views: u64 = by_creator.values().flatten().map(|(_, new)| *new).sum();
            Ok((writes, views))
        };
        self.update_items(&keys, add).await
    }

    /// Deletes the tallies of a page whose views are added. Those that could not be added are put
    /// aside for the next run, until they expire. Returns where the next page begins; `None` at the
    /// end.
    pub async fn remove_views(
        &self,
        waiting: WaitingViews,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let WaitingViews { tallies, failed, next, .. } = waiting;
        for one in &failed {
            for (at, visitors) in one.by_minute(&tallies) {
                let aside = TallyItem::of(Tally::from([(one.listing.clone(), visitors)]), at);
                let item = encode(&Key::views(now, rand::random()), &aside)?;
                self.put_item(item, Condition::none()).await?;
            }
        }
        let counted: Vec<Item> = tallies.iter().map(|it| tally_key(&it.sk).item()).collect();
        self.delete_items(&counted).await?;
        Ok(next)
    }
}

fn tally_key(sk: &str) -> Key {
    Key { pk: VIEWS.to_owned(), sk: sk.to_owned() }
}

impl ListingVisits {
    /// Its visitors by tally.
    fn in_tallies<'a>(&'a self, tallies: &'a [TallyRef]) -> impl Iterator<Item = Visits<'a>> {
        self.visits.chunk_by(|one, next| one.tally == next.tally).filter_map(move |some| {
            let TallyRef { sk, at } = tallies.get(some.first()?.tally as usize)?;
            let visitors = some.iter().map(|it| it.visitor).collect();
            Some(Visits { tally: sk, at: *at, visitors })
        })
    }

    /// Its visitors by minute, because so many of a minute count, with the time of its last tally.
    fn by_minute(&self, tallies: &[TallyRef]) -> Vec<(Timestamp, BTreeSet<u32>)> {
        let mut minutes: BTreeMap<Timestamp, (Timestamp, BTreeSet<u32>)> = BTreeMap::new();
        for Visits { at, visitors, .. } in self.in_tallies(tallies) {
            let (last, came) = minutes.entry(at.floor_to(MINUTE)).or_insert((at, BTreeSet::new()));
            *last = at.max(*last);
            came.extend(visitors);
            while came.len() > VISITORS_A_DAY {
                came.pop_last();
            }
        }
        minutes.into_values().collect()
    }
}

/// Tallies that were read, merged by listing.
#[derive(Debug, Default)]
struct Merged {
    tallies: Vec<TallyRef>,
    visits: BTreeMap<ListingId, Vec<Visit>>,
    unreadable: Vec<String>,
    /// Its memory, in visitors.
    weight: usize,
}

impl Merged {
    /// Adds a tally, younger than all before it.
    fn add(&mut self, item: Item, now: Timestamp) {
        let (name, sk) = (name_of(&item), text(&item, SK).unwrap_or_default().to_owned());
        let Ok(tally) = decode::<TallyItem>(item) else {
            self.unreadable.push(name);
            return;
        };
        let is_over = tally.expires_at <= now.as_secs();
        let place = u32::try_from(self.tallies.len()).unwrap_or(u32::MAX);
        let (came, at) = tally.came(&sk, now);
        for (listing, visitors) in came.into_iter().filter(|_| !is_over) {
            self.weight += visitors.len();
            let visits = visitors.into_iter().map(|visitor| Visit { tally: place, visitor });
            self.visits.entry(listing).or_default().extend(visits);
        }
        self.weight += TALLY_WEIGHT;
        self.tallies.push(TallyRef { sk, at });
    }
}

impl TallyItem {
    fn of(visitors: Tally, at: Timestamp) -> TallyItem {
        let expires_at = at.plus(KEPT).as_secs();
        TallyItem { visitors, views: BTreeMap::new(), at: Some(at), expires_at }
    }

    /// The visitors, and when they came. A mere number of views becomes as many visitors, at most
    /// as many as count.
    fn came(self, sk: &str, now: Timestamp) -> (Tally, Timestamp) {
        let unknown = self.views.into_iter();
        let unknown = unknown.map(|(id, views)| (id, (0..views.min(VISITORS_A_MINUTE)).collect()));
        let mut came: Tally = unknown.collect();
        for (listing, visitors) in self.visitors {
            came.entry(listing).or_default().extend(visitors);
        }
        let (written_at, _) = sk.split_once('#').unwrap_or_default();
        let at = self.at.or_else(|| Timestamp::parse(written_at).ok());
        (came, at.unwrap_or(now))
    }
}
