//! How often a process asks Stripe.
//!
//! In live mode Stripe allows an account a hundred requests a second, and each operation, such as
//! `GET /v1/accounts/{id}`, twenty-five: <https://docs.stripe.com/rate-limits>. A run over all
//! creators or all payments would use them up, and refuse those who are paying. So it spaces its
//! requests.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use connect::{Aws, Connect, Environment, InitError};
use tokio::time::{Instant, sleep_until};

const STRIPE_REQUESTS_PER_SECOND: &str = "STRIPE_REQUESTS_PER_SECOND";

/// Spaces requests evenly; clones share it. The default does not limit.
#[derive(Debug, Clone, Default)]
pub struct RequestRate(Option<Arc<Spacing>>);

/// The time between two requests, and when the next may be sent.
#[derive(Debug)]
struct Spacing {
    every: Duration,
    next: Mutex<Instant>,
}

impl Connect for RequestRate {
    fn variables() -> Vec<&'static str> {
        vec![STRIPE_REQUESTS_PER_SECOND]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<RequestRate, InitError> {
        Ok(RequestRate::per_second(env.parse(STRIPE_REQUESTS_PER_SECOND)?))
    }
}

impl RequestRate {
    /// So many requests a second, of all clients with this rate together.
    pub fn per_second(requests: NonZeroU32) -> RequestRate {
        let every = Duration::from_secs(1) / requests.get();
        RequestRate(Some(Arc::new(Spacing { every, next: Mutex::new(Instant::now()) })))
    }

    /// Waits until a request may be sent.
    pub(super) async fn turn(&self) {
        if let Some(spacing) = &self.0 {
            let now = Instant::now();
            let at = spacing.take(now);
            if at > now {
                sleep_until(at).await;
            }
        }
    }
}

impl Spacing {
    /// When a request that is ready at `now` may be sent.
    fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = now.max(*next);
        *next = at + self.every;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spaced_and_unused_time_is_not_saved_up() {
        let RequestRate(spacing) = RequestRate::per_second(NonZeroU32::new(40).unwrap());
        let (spacing, every) = (spacing.unwrap(), Duration::from_millis(25));
        let begun = Instant::now() + Duration::from_secs(1);
        assert_eq!(spacing.take(begun), begun);
        assert_eq!(spacing.take(begun), begun + every);
        assert_eq!(spacing.take(begun + every), begun + every * 2);
        let later = begun + Duration::from_secs(60);
        assert_eq!([spacing.take(later), spacing.take(later)], [later, later + every]);
    }
}
