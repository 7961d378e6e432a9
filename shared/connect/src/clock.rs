//! The time. Nothing else in the project reads the system clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use domain::Timestamp;

/// The source of the time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system clock.
    System,
    /// A manual clock, moved by `advance`; clones share it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A manual clock set to `now`.
    pub fn manual(now: Timestamp) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(now.as_millis())))
    }

    /// The time.
    #[expect(clippy::disallowed_methods, reason = "the only read of the system clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::from_millis(0)
                .plus(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            Clock::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; does nothing to the system clock.
    pub fn advance(&self, by: Duration) {
        match self {
            Clock::System => {}
            Clock::Manual(millis) => {
                millis.store(self.now().plus(by).as_millis(), Ordering::SeqCst);
            }
        }
    }
}
