//! What a call takes from its environment: time, randomness and configuration.
//!
//! Handlers get these as arguments, so that a test can fix them.

use std::{sync::Arc, time::Duration};

use connect::Clock;
use domain::Timestamp;

use crate::{admission::RecentCalls, entropy::Entropy};

/// The environment of one invocation.
#[derive(Debug, Clone)]
pub struct InvocationContext {
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The origins whose pages may read responses, separated by commas, if any.
    pub cors_origins: Option<Arc<str>>,
    /// The public URL of the stage, where a request does not reveal it.
    pub public_url: Option<Arc<str>>,
    /// The header into which a CDN in front of the API writes its client's address, if there is one.
    pub address_header: Option<Arc<str>>,
    /// When Lambda ends this invocation; `None` in a test.
    pub deadline: Option<Timestamp>,
    /// Whether this is the first invocation of its process.
    pub cold_start: bool,
    /// Rate-limit counters of this process.
    pub recent: RecentCalls,
}

impl InvocationContext {
    /// Time reserved to render and send a response after a handler is stopped.
    const RESERVE: Duration = Duration::from_millis(500);

    /// System time and randomness.
    pub fn system() -> InvocationContext {
        InvocationContext {
            clock: Clock::System,
            entropy: Entropy::System,
            ..InvocationContext::at(Clock::System)
        }
    }

    /// A manual clock at `now`, ids that count from 1 and no deadline, for tests.
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

    /// Time left for a handler.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let deadline = self.deadline?.minus(InvocationContext::RESERVE);
        Some(self.now().until(deadline))
    }

    /// When work that comes in pieces begins no further one: after nine tenths of the time, so that
    /// the last piece has a tenth.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        let deadline = self.deadline?;
        Some(deadline.minus(self.now().until(deadline) / 10))
    }

    /// When work that was begun must stop, so that its run can still store where it is: after nineteen
    /// twentieths of the time, and two seconds before its end at the latest.
    pub(crate) fn stops_at(&self) -> Option<Timestamp> {
        let deadline = self.deadline?;
        let reserve = (self.now().until(deadline) / 20).max(InvocationContext::RESERVE * 4);
        Some(deadline.minus(reserve))
    }

    fn at(clock: Clock) -> InvocationContext {
        InvocationContext {
            clock,
            entropy: Entropy::System,
            cors_origins: None,
            public_url: None,
            address_header: None,
            deadline: None,
            cold_start: false,
            recent: RecentCalls::default(),
        }
    }
}
