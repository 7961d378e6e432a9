//! Visitors, collected in the process: at most one write in ten seconds, whatever is looked at.
//!
//! A visitor is a network (`domain::marketplace::visitor`). The first one after a quiet time is written at once, so little is lost with a process that
//! ends; what came within its last ten seconds is.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Timestamp, id::ListingId, marketplace::visitor::VISITORS_A_MINUTE};
use runtime::{Aws, Connect, Environment, InitError};
use store::{Store, Tally};
use tracing::warn;

/// How long visits are added up before they are written.
const EVERY: Duration = Duration::from_secs(10);
/// Most listings of a tally, which is one item of the table; it is written before it is due then.
/// Each has as many visitors as count in a minute: eight bytes a visitor, less than the 400 KiB of
/// an item.
const LISTINGS_MAX: usize = 500;

/// The visits of this process that were not written yet.
#[derive(Debug)]
pub struct ViewCounter {
    store: Store,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    tally: Tally,
    written_at: Option<Timestamp>,
}

impl ViewCounter {
    /// None so far.
    pub fn new(store: Store) -> ViewCounter {
        ViewCounter { store, seen: Mutex::default() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Counts a visitor; writes it at once if none was written for a while.
    pub(crate) async fn count(&self, listing: &ListingId, visitor: u32, now: Timestamp) {
        self.seen().add(listing, [visitor]);
        self.write_due(now).await;
    }

    /// Writes what is due. What could not be written is counted again.
    pub(crate) async fn write_due(&self, now: Timestamp) {
        let due = self.take_due(now);
        if due.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_views(due.clone(), now).await {
            let lost = self.give_back(due);
            warn!(%error, lost, "visits are written later");
        }
    }

    /// Counts again what was not written, of no more listings than one write has. Returns how many
    /// visitors of others there were.
    fn give_back(&self, due: Tally) -> usize {
        let (mut seen, mut lost) = (self.seen(), 0);
        for (listing, came) in due {
            if seen.tally.len() < LISTINGS_MAX || seen.tally.contains_key(&listing) {
                seen.add(&listing, came);
            } else {
                lost += came.len();
            }
        }
        lost
    }

    fn take_due(&self, now: Timestamp) -> Tally {
        let mut seen = self.seen();
        let rests = seen.written_at.is_some_and(|at| now < at.plus(EVERY));
        if seen.tally.is_empty() || (rests && seen.tally.len() < LISTINGS_MAX) {
            return Tally::new();
        }
        seen.written_at = Some(now);
        mem::take(&mut seen.tally)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Adds visitors of a listing, no more than count in a minute.
    fn add(&mut self, listing: &ListingId, came: impl IntoIterator<Item = u32>) {
        let visitors = self.tally.entry(listing.clone()).or_default();
        visitors.extend(came);
        while visitors.len() > VISITORS_A_MINUTE as usize {
            visitors.pop_last();
        }
    }
}

impl Connect for ViewCounter {
    fn variables() -> Vec<&'static str> {
        Store::variables()
    }
    async fn connect(env: &Environment, aws: &Aws) -> Result<ViewCounter, InitError> {
        Ok(ViewCounter::new(Store::connect(env, aws).await?))
    }
}
