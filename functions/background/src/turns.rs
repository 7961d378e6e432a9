//! Turns: which call of a provider is made in which minute.
//!
//! A provider allows so many calls of an endpoint a minute. Each call takes a place in the first
//! minute that has one left, and is made in that minute. A job whose place is in a later minute is
//! looked at again then and asks nothing before; one that comes later finds the places before it
//! taken, so jobs begin in the order in which workers first looked at them; one that the provider
//! refused in its minute all the same goes behind those that wait. No place is given back: that of
//! a job that was cancelled, that no worker looked at in its minute, or that a second worker took
//! for it at the same time, is not used.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{Timestamp, generation::Job};
use runtime::{Aws, Connect, Environment, InitError};
use store::{Rate, Store, StoreError};

/// The part of a minute over which the jobs that waited for it are spread, in their order. The rest
/// is for a worker that is late.
const SPREAD: Duration = Duration::from_secs(30);

/// When a call may be made.
pub(crate) enum Turn {
    /// Now: it has a place in this minute.
    Now,
    /// At this time, when it has a place.
    At(Timestamp),
    /// Not before this time: every minute until then is full.
    NotBefore(Timestamp),
}

/// What a process knows of full minutes: by endpoint, the first that may have a place left. So it
/// asks for a place in a full minute once, however many jobs wait.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<&'static str, Timestamp>>);

impl Turns {
    /// The turn of the call of `endpoint` that `job` needs next, at most `most` in a minute.
    pub(crate) async fn take(
        &self,
        (store, endpoint): (&Store, &'static str),
        job: &Job,
        most: u32,
        now: Timestamp,
    ) -> Result<Turn, StoreError> {
        if job.has_turn(now) {
            return Ok(Turn::Now);
        }
        if let Some(turn_at) = job.turn_at.filter(|at| now < *at) {
            return Ok(Turn::At(turn_at));
        }
        let (rate, until) = (Rate::a_minute(most), job.waits_for_turn_until(now));
        let from = self.known(endpoint).map_or(now, |free_from| free_from.max(now));
        let Some(place) = store.take_first(endpoint, rate, from, until).await? else {
            self.learn(endpoint, until.floor_to(rate.window));
            return Ok(Turn::NotBefore(until));
        };
        self.learn(endpoint, place.window);
        if place.window <= now {
            return Ok(Turn::Now);
        }
        let before = SPREAD.saturating_mul(place.nth.saturating_sub(1));
        Ok(Turn::At(place.window.plus(before.checked_div(most).unwrap_or_default())))
    }

    fn known(&self, endpoint: &str) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(endpoint).copied()
    }

    fn learn(&self, endpoint: &'static str, free_from: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = known.entry(endpoint).or_insert(free_from);
        *latest = free_from.max(*latest);
    }
}

impl Connect for Turns {
    fn variables() -> Vec<&'static str> {
        Vec::new()
    }

    async fn connect(_: &Environment, _: &Aws) -> Result<Turns, InitError> {
        Ok(Turns::default())
    }
}
