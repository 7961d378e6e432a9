//! Admission of a call before its handler runs: suspended staff and rate limits.
//!
//! Suspended staff are refused here, on reads too, because their token still carries their role.
//! Other account restrictions are checked where the write happens.
//!
//! A member's calls are counted twice: over all routes, against the limit of their plan, and on a
//! route with a rate of its own. Both are counted in the process first, and the table is updated
//! once per tenth of a rate. So the usual call costs no write, and a rate may be exceeded by a tenth
//! of it for each process that serves the member at the same time. What is left is told in every
//! answer: <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
};

use domain::Timestamp;
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

/// Call counts of this process: one window per limit and caller.
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

/// The name of the limit over all routes; that of a route is the name of its endpoint.
const ALL_ROUTES: &str = "member";

/// The limits that a call was counted against, with what is left.
#[derive(Debug, Default)]
pub(crate) struct Quotas(RefCell<Vec<Quota>>);

#[derive(Debug)]
struct Quota {
    name: &'static str,
    rate: Rate,
    left: u32,
    ends_in_s: u32,
}

impl Quotas {
    /// The values of `RateLimit-Policy` and `RateLimit`: lists of structured fields (RFC 9651).
    pub(crate) fn headers(&self) -> Option<(String, String)> {
        let quotas = self.0.borrow();
        let (mut policy, mut state) = (String::new(), String::new());
        for Quota { name, rate, left, ends_in_s } in quotas.iter() {
            let comma = if policy.is_empty() { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(policy, "{comma}\"{name}\";q={};w={}", rate.max, rate.window.as_secs());
            let _ = write!(state, "{comma}\"{name}\";r={left};t={ends_in_s}");
        }
        (!policy.is_empty()).then_some((policy, state))
    }
}

/// What became of a call that this process counts.
enum Added {
    /// The window is used up.
    Refused,
    /// It is counted here only; so many calls are known.
    Counted { used: u32 },
    /// So many calls are to be counted in the table.
    Due { places: u32 },
}

/// Admits a caller whose role and key have been checked, and notes in `quotas` what is left.
///
/// # Errors
/// When they are suspended staff, when they exceed a rate, or when the table is unavailable.
pub(crate) async fn admit(
    endpoint: &Endpoint,
    table: Option<&Store>,
    caller: &Caller,
    (recent, quotas): (&RecentCalls, &Quotas),
    now: Timestamp,
) -> Result<(), ApiError> {
    let (Caller::Member(member), Some(store)) = (caller, table) else {
        return match endpoint.access {
            Access::Public | Access::Signed | Access::Member => Ok(()),
            Access::Moderator | Access::Admin => {
                Err(Fault(format!("{} does not connect the table", endpoint.name)).into())
            }
        };
    };
    if matches!(endpoint.access, Access::Moderator | Access::Admin) {
        let (user_id, email) = (&member.user_id, member.email_claim());
        store.admit_staff(Staff { user_id, email, role: member.role }, now).await?;
    }
    if matches!(endpoint.access, Access::Public | Access::Signed) {
        // API Gateway asks no authorizer on these, so nobody is known there.
        return Ok(());
    }
    let of_plan = Rate::a_minute(member.plan.terms().calls_a_minute);
    let own = endpoint.rate.map(|rate| (endpoint.name, rate));
    for (name, rate) in [(ALL_ROUTES, of_plan)].into_iter().chain(own) {
        let what = format!("{name}#{}", member.user_id);
        let left = recent.count(store, &what, rate, now).await?;
        let ends_in_s = rate.ends_in_s(now);
        let quota = Quota { name, rate, left: left.unwrap_or(0), ends_in_s };
        quotas.0.borrow_mut().push(quota);
        left.ok_or_else(|| StoreError::refused(rate.refused(now)))?;
    }
    Ok(())
}

impl RecentCalls {
    /// Counts a call. Returns how many more are left, or `None` if this one is too many.
    async fn count(
        &self,
        store: &Store,
        what: &str,
        rate: Rate,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreError> {
        let used = match self.add(what, rate, now) {
            Added::Refused => return Ok(None),
            Added::Counted { used } => Some(used),
            Added::Due { places } => {
                let taken = store.take_some(what, places, rate, now).await?;
                self.learn(what, taken.unwrap_or(rate.max));
                taken
            }
        };
        Ok(used.map(|used| rate.max.saturating_sub(used)))
    }

    /// Counts a call in this process.
    fn add(&self, what: &str, rate: Rate, now: Timestamp) -> Added {
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
            return Added::Refused;
        }
        window.uncounted += 1;
        let used = window.counted + window.uncounted;
        let step = (rate.max / STEPS).max(1);
        if window.uncounted < step && used < rate.max {
            return Added::Counted { used };
        }
        Added::Due { places: std::mem::take(&mut window.uncounted) }
    }

    fn learn(&self, what: &str, counted: u32) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get_mut(what) {
            window.counted = window.counted.max(counted);
        }
    }
}
