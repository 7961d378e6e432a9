//! Counts views in the process: at most one write in ten seconds for all listings.
//!
//! A visitor is a network (`domain::marketplace::community::visitor`). The first one after a quiet
//! time is written at once, so a process that ends loses at most the views of its last ten seconds.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{Timestamp, id::ListingId, marketplace::community::visitor::VISITORS_A_MINUTE};
use runtime::{Aws, Connect, Environment, InitError};
use store::{Store, Tally};
use tracing::warn;

/// How long views are collected before they are written.
const EVERY: Duration = Duration::from_secs(10);
/// Most listings of a count, which is one item of the table; when reached, it is written early.
/// Each has at most the visitors that count in a minute: eight bytes each, below the 400 KiB of an
/// item.
const LISTINGS_MAX: usize = 500;

/// The views of this process that are not yet written.
#[derive(Debug)]
pub(crate) struct ViewCounter {
    store: Store,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    tally: Tally,
    written_at: Option<Timestamp>,
}

impl ViewCounter {
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Counts a visitor; writes at once if the last write is ten seconds ago.
    pub(crate) async fn count(&self, listing: &ListingId, visitor: u32, now: Timestamp) {
        self.seen().add(listing, [visitor]);
        self.write_due(now).await;
    }

    /// Writes due counts. Counts that could not be written are restored.
    pub(crate) async fn write_due(&self, now: Timestamp) {
        let due = self.take_due(now);
        if due.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_views(due.clone(), now).await {
            let dropped = self.restore(due);
            warn!(%error, lost = dropped, "view counts not written, retrying later");
        }
    }

    /// Restores counts that were not written, up to the listings of one write. Returns how many
    /// visitors of other listings were dropped.
    fn restore(&self, due: Tally) -> usize {
        let (mut seen, mut dropped) = (self.seen(), 0);
        for (listing, visitors) in due {
            if seen.tally.len() < LISTINGS_MAX || seen.tally.contains_key(&listing) {
                seen.add(&listing, visitors);
            } else {
                dropped += visitors.len();
            }
        }
        dropped
    }

    fn take_due(&self, now: Timestamp) -> Tally {
        let mut seen = self.seen();
        let waits = seen.written_at.is_some_and(|at| now < at.plus(EVERY));
        if seen.tally.is_empty() || (waits && seen.tally.len() < LISTINGS_MAX) {
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
    /// Adds visitors of a listing, up to the number that counts in a minute.
    fn add(&mut self, listing: &ListingId, added: impl IntoIterator<Item = u32>) {
        let visitors = self.tally.entry(listing.clone()).or_default();
        visitors.extend(added);
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
        Ok(ViewCounter { store: Store::connect(env, aws).await?, seen: Mutex::default() })
    }
}
