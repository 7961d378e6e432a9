//! Admission of a call before its handler runs: suspended staff and rate limits.
//!
//! Suspended staff are refused here, on reads too, because their token still carries their role.
//! Other account restrictions are checked where the write happens.
//!
//! Calls are counted in the process first, and the table is updated once per tenth of a rate. So a
//! call costs at most one write, usually none, and a rate may be exceeded by a tenth of it for each
//! process that serves the route at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{Timestamp, id::UserId};
use store::{Rate, Staff, Store, StoreError};

use crate::{
    call::Caller,
    endpoint::{Access, Endpoint},
    error::{ApiError, Fault},
};

/// The table counts a rate in this many steps.
const STEPS: u32 = 10;
/// Most callers that a process counts; beyond that it clears its counters.
const CALLERS_MAX: usize = 1_000;

/// Call counts of this process: one window per route and caller.
#[derive(Debug, Clone, Default)]
pub struct RecentCalls(Arc<Mutex<HashMap<String, Window>>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    begins: Timestamp,
    /// Calls not yet counted in the table.
    uncounted: u32,
    /// Calls of all processes, as last read from the table.
    counted: u32,
}

/// Admits a caller whose role has been checked.
///
/// # Errors
/// When they are suspended staff, when they exceed the rate, or when the table is unavailable.
pub(crate) async fn admit(
    endpoint: &Endpoint,
    table: Option<&Store>,
    caller: &Caller,
    recent: &RecentCalls,
    now: Timestamp,
) -> Result<(), ApiError> {
    let (Caller::Member(identity), Some(store)) = (caller, table) else {
        return match endpoint.access {
            Access::Public | Access::Signed | Access::Member => Ok(()),
            Access::Moderator | Access::Admin => {
                Err(Fault(format!("{} does not connect the table", endpoint.name)).into())
            }
        };
    };
    if matches!(endpoint.access, Access::Moderator | Access::Admin) {
        let (user_id, email) = (&identity.user_id, identity.email_claim());
        store.admit_staff(Staff { user_id, email, role: identity.role }, now).await?;
    }
    match endpoint.rate {
        Some(rate) => recent.count(store, (endpoint.name, &identity.user_id), rate, now).await,
        None => Ok(()),
    }
}

impl RecentCalls {
    async fn count(
        &self,
        store: &Store,
        (route, user): (&str, &UserId),
        rate: Rate,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let what = format!("{route}#{user}");
        let Some(places) = self.due(&what, rate, now)? else { return Ok(()) };
        let taken = store.take_some(&what, places, rate, now).await?;
        self.learn(&what, taken.unwrap_or(rate.max));
        taken.map(drop).ok_or_else(|| StoreError::refused(rate.refused(now)).into())
    }

    /// Counts a call. Returns how many calls to add to the table now; `None` while none are due.
    fn due(&self, what: &str, rate: Rate, now: Timestamp) -> Result<Option<u32>, StoreError> {
        let begins = now.floor_to(rate.window);
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= CALLERS_MAX && !windows.contains_key(what) {
            windows.clear();
        }
        let fresh = Window { begins, uncounted: 0, counted: 0 };
        let window = windows.entry(what.to_owned()).or_insert(fresh);
        if window.begins != begins {
            *window = fresh;
        }
        if window.counted >= rate.max {
            return Err(StoreError::refused(rate.refused(now)));
        }
        window.uncounted += 1;
        let step = (rate.max / STEPS).max(1);
        if window.uncounted < step && window.counted + window.uncounted < rate.max {
            return Ok(None);
        }
        Ok(Some(std::mem::take(&mut window.uncounted)))
    }

    fn learn(&self, what: &str, counted: u32) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get_mut(what) {
            window.counted = window.counted.max(counted);
        }
    }
}
