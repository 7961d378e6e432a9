//! Who may call now, and how often: what the shell asks of the table before a handler runs.
//!
//! Staff who are suspended are stopped here, on reads too; their account keeps the role that their
//! token says. What else a member may do is decided where it is written.
//!
//! Calls are counted in the process first: the table is asked once for each tenth of a rate. So a
//! call costs at most one write, the usual one none, and a rate is exact but for a tenth of it for
//! each process that serves the route at the same time.

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

/// A rate is counted in the table in so many steps.
const STEPS: u32 = 10;
/// Most callers whose calls a process counts; it forgets them all and begins anew beyond that.
const CALLERS_MAX: usize = 1_000;

/// What this process has seen of the windows of its callers.
#[derive(Debug, Clone, Default)]
pub struct RecentCalls(Arc<Mutex<HashMap<String, Window>>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    begins: Timestamp,
    /// Calls that the table was not told of.
    uncounted: u32,
    /// Calls of all processes, as the table said last.
    counted: u32,
}

/// Lets a caller in, who has passed the check of their role.
///
/// # Errors
/// When they are suspended staff, when they call too often, or when the table cannot be asked.
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

    /// Counts a call. How many calls the table has to be told of now.
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
