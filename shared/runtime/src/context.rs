//! What a call takes from around it: the time, randomness, and where it is being served.
//!
//! Handlers get these as arguments, so that a test can hold them still.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use domain::Timestamp;

use crate::admission::RecentCalls;

/// Where the time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The clock of the machine.
    System,
    /// A clock that stands still until it is moved; clones move together.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now`.
    pub fn manual(now: Timestamp) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(now.as_millis())))
    }

    /// The time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::from_millis(0)
                .plus(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            Clock::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the machine's clock is left alone.
    pub fn advance(&self, by: Duration) {
        match self {
            Clock::System => {}
            Clock::Manual(millis) => {
                millis.store(self.now().plus(by).as_millis(), Ordering::SeqCst);
            }
        }
    }
}

/// Where randomness comes from.
#[derive(Debug, Clone)]
pub enum Entropy {
    /// A generator seeded by the operating system.
    System,
    /// 1, 2, 3 and so on, for tests; clones count together.
    Counted(Arc<AtomicU64>),
}

impl Entropy {
    /// A source that counts from 1.
    pub fn counted() -> Entropy {
        Entropy::Counted(Arc::new(AtomicU64::new(0)))
    }

    /// 128 random bits.
    pub fn next(&self) -> u128 {
        match self {
            Entropy::System => rand::random(),
            Entropy::Counted(count) => u128::from(count.fetch_add(1, Ordering::SeqCst)) + 1,
        }
    }
}

/// The surroundings of one invocation.
#[derive(Debug, Clone)]
pub struct InvocationContext {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The one origin whose pages may read the answers, if any.
    pub cors_origin: Option<Arc<str>>,
    /// The stage's root as callers see it, where it cannot be told from a request.
    pub public_url: Option<Arc<str>>,
    /// When Lambda ends this invocation; `None` in a test.
    pub deadline: Option<Timestamp>,
    /// Whether this is the first invocation of its process.
    pub cold_start: bool,
    /// How often its callers have called.
    pub recent: RecentCalls,
}

impl InvocationContext {
    /// How much is left for an answer to be rendered and sent after a handler was stopped.
    const RESERVE: Duration = Duration::from_millis(500);

    /// The machine's time and randomness.
    pub fn system() -> InvocationContext {
        InvocationContext {
            clock: Clock::System,
            entropy: Entropy::System,
            ..InvocationContext::at(Clock::System)
        }
    }

    /// A still clock at `now`, ids that count from 1 and no deadline, for tests.
    pub fn fixed(now: Timestamp) -> InvocationContext {
        InvocationContext {
            entropy: Entropy::counted(),
            ..InvocationContext::at(Clock::manual(now))
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long a handler may take from now on.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let deadline = self.deadline?.minus(InvocationContext::RESERVE);
        Some(self.now().until(deadline))
    }

    fn at(clock: Clock) -> InvocationContext {
        InvocationContext {
            clock,
            entropy: Entropy::System,
            cors_origin: None,
            public_url: None,
            deadline: None,
            cold_start: false,
            recent: RecentCalls::default(),
        }
    }
}
