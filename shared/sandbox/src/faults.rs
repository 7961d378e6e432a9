//! Faults on demand: what goes wrong, for whom, and how often.
//!
//! An [`Order`] waits until a request meets its condition and then is used up, `times` times. Four
//! families never compete for one request, so an order of each may hit the same job: the *answer*
//! to a request, the *outcome* of a job, its *webhook* and its *picture*. Within a family the
//! oldest order that fits goes first.

use std::{collections::VecDeque, sync::Mutex};

use serde::{Deserialize, Serialize};

use crate::{app_state::locked, route::Route};

/// Most orders that may wait.
pub const ORDERS_MAX: usize = 256;
/// Most uses of one order.
pub const TIMES_MAX: u32 = 10_000;
/// Longest delay that can be ordered, in milliseconds.
pub const DELAY_MS_MAX: u64 = 120_000;
/// Longest marker, in bytes.
pub const MARKER_BYTES_MAX: usize = 100;

/// One order: do `fault` to the next `times` requests that meet `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What goes wrong.
    pub fault: Fault,
    /// For whom; by default for whoever comes next.
    #[serde(default)]
    pub on: Condition,
    /// How often, 1 to [`TIMES_MAX`].
    #[serde(default = "once")]
    pub times: u32,
}

/// Which requests an order is for. What is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The route; faults of a job are looked up on the route it was submitted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Text inside the request's body or, for statuses and results, inside the body that submitted
    /// the job: ASCII without quotes and backslashes, so that JSON spells it as it is. For the
    /// payment provider, method, path and query stand before the body: `POST /stripe/v1/refunds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// With the answer to one request, on any route.
    Answer(AnswerFault),
    /// With what becomes of a job.
    Outcome(OutcomeFault),
    /// With the notice that a job ended.
    Webhook(WebhookFault),
    /// With the picture at a job's result address.
    Picture(PictureFault),
}

/// What goes wrong with an answer. "Accepted" means that the request had its effect all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFault {
    /// The request is worked on this much later.
    Delay {
        /// Milliseconds, at most [`DELAY_MS_MAX`].
        delay_ms: u64,
    },
    /// 429, nothing accepted.
    TooMany {
        /// The value of `Retry-After`, left out when `None`.
        #[serde(default)]
        retry_after_s: Option<u32>,
    },
    /// 422 by content moderation, or 402 by the card's bank; nothing accepted.
    Blocked,
    /// 422 (400 by the payment provider) because the request is not understood; nothing accepted.
    NotUnderstood,
    /// 500, nothing accepted, which the caller cannot know.
    ServerError,
    /// 502 with a page for people, nothing accepted.
    HtmlPage,
    /// Accepted, then 500.
    ServerErrorAfterAccepting,
    /// Accepted, then no answer at all for as long as the caller waits.
    Silence,
    /// Accepted, then the connection breaks in the middle of the answer.
    BrokenConnection,
    /// Accepted, then a success whose JSON is cut off.
    MalformedJson,
}

/// What becomes of a job instead of a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeFault {
    /// Status `ERROR`, as the provider documents it.
    Error {
        /// The code inside `error`: 500 when left out, 422 for a blocked output, 400 for a request
        /// that was not understood.
        #[serde(default)]
        code: Option<u16>,
    },
    /// Status `FAILED`, as the provider's own examples expect it.
    Failed,
    /// Status `UNKNOWN`.
    Unknown,
    /// The job is forgotten: its status answers 404 from the moment it would have ended.
    Expired,
    /// The job never ends.
    Stuck,
    /// The job ends well, but only after this time instead of the usual one.
    Slow {
        /// Milliseconds, at most [`DELAY_MS_MAX`].
        completes_after_ms: u64,
    },
}

/// What goes wrong with a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// The genuine notice is followed by this many copies, all at once.
    Duplicate {
        /// 1 to 16.
        copies: u8,
    },
    /// The genuine notice comes this much after the end of the job.
    Late {
        /// Milliseconds, at most [`DELAY_MS_MAX`].
        delay_ms: u64,
    },
    /// The job ends at once and its notice is delivered before the submission is answered.
    Early,
    /// A notice with a wrong signature that claims a failure comes first, the genuine one follows.
    Forged,
    /// No notice.
    Dropped,
}

/// What lies at a result address instead of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureFault {
    /// More than 32 MiB without a `Content-Length`, beginning like a PNG.
    Huge,
    /// The first half of the picture.
    Truncated,
    /// A few bytes of PNG that claim 60,000 by 60,000 pixels.
    Bomb,
    /// A page for people with status 200.
    HtmlPage,
    /// A redirect to the host of the API, where an intact picture waits.
    Redirect,
    /// 404: the address is no longer valid.
    Gone,
}

/// An order that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// [`ORDERS_MAX`] orders wait already.
    #[error("{ORDERS_MAX} orders wait already; clear them first")]
    TooManyWaiting,
    /// `times` out of range.
    #[error("`times` must be 1 to {TIMES_MAX}")]
    Times,
    /// A delay out of range.
    #[error("a delay is at most {DELAY_MS_MAX} ms")]
    Delay,
    /// A number of copies out of range.
    #[error("`copies` must be 1 to 16")]
    Copies,
    /// A marker that JSON could spell in two ways, or that is too long or empty.
    #[error("a marker is 1 to {MARKER_BYTES_MAX} ASCII characters without quotes and backslashes")]
    Marker,
}

impl Order {
    /// An order for the next request that could suffer from `fault`.
    pub fn next(fault: Fault) -> Order {
        Order { fault, on: Condition::default(), times: 1 }
    }

    /// The same for one route.
    #[must_use]
    pub fn on_route(mut self, route: Route) -> Order {
        self.on.route = Some(route);
        self
    }

    /// The same for requests and jobs that contain `marker`.
    #[must_use]
    pub fn on_marker(mut self, marker: impl Into<String>) -> Order {
        self.on.marker = Some(marker.into());
        self
    }

    /// The same, more than once.
    #[must_use]
    pub fn times(mut self, times: u32) -> Order {
        self.times = times;
        self
    }

    fn check(&self) -> Result<(), OrderError> {
        let plain = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
        if let Some(marker) = &self.on.marker
            && !((1..=MARKER_BYTES_MAX).contains(&marker.len()) && marker.bytes().all(plain))
        {
            return Err(OrderError::Marker);
        }
        if !(1..=TIMES_MAX).contains(&self.times) {
            return Err(OrderError::Times);
        }
        match self.fault {
            Fault::Answer(AnswerFault::Delay { delay_ms })
            | Fault::Webhook(WebhookFault::Late { delay_ms })
            | Fault::Outcome(OutcomeFault::Slow { completes_after_ms: delay_ms })
                if delay_ms > DELAY_MS_MAX =>
            {
                Err(OrderError::Delay)
            }
            Fault::Webhook(WebhookFault::Duplicate { copies }) if !(1..=16).contains(&copies) => {
                Err(OrderError::Copies)
            }
            Fault::Answer(_) | Fault::Outcome(_) | Fault::Webhook(_) | Fault::Picture(_) => Ok(()),
        }
    }
}

impl From<AnswerFault> for Fault {
    fn from(fault: AnswerFault) -> Fault {
        Fault::Answer(fault)
    }
}

impl From<OutcomeFault> for Fault {
    fn from(fault: OutcomeFault) -> Fault {
        Fault::Outcome(fault)
    }
}

impl From<WebhookFault> for Fault {
    fn from(fault: WebhookFault) -> Fault {
        Fault::Webhook(fault)
    }
}

impl From<PictureFault> for Fault {
    fn from(fault: PictureFault) -> Fault {
        Fault::Picture(fault)
    }
}

/// The orders that wait, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    orders: Mutex<VecDeque<Order>>,
}

impl Faults {
    pub(crate) fn order(&self, order: Order) -> Result<(), OrderError> {
        order.check()?;
        let mut orders = locked(&self.orders);
        if orders.len() >= ORDERS_MAX {
            return Err(OrderError::TooManyWaiting);
        }
        orders.push_back(order);
        Ok(())
    }

    pub(crate) fn waiting(&self) -> Vec<Order> {
        locked(&self.orders).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        locked(&self.orders).clear();
    }

    pub(crate) fn answer(&self, route: Route, text: &str) -> Option<AnswerFault> {
        self.take(route, text, |fault| match fault {
            Fault::Answer(fault) => Some(fault.clone()),
            Fault::Outcome(_) | Fault::Webhook(_) | Fault::Picture(_) => None,
        })
    }

    pub(crate) fn outcome(&self, route: Route, text: &str) -> Option<OutcomeFault> {
        self.take(route, text, |fault| match fault {
            Fault::Outcome(fault) => Some(fault.clone()),
            Fault::Answer(_) | Fault::Webhook(_) | Fault::Picture(_) => None,
        })
    }

    pub(crate) fn webhook(&self, route: Route, text: &str) -> Option<WebhookFault> {
        self.take(route, text, |fault| match fault {
            Fault::Webhook(fault) => Some(fault.clone()),
            Fault::Answer(_) | Fault::Outcome(_) | Fault::Picture(_) => None,
        })
    }

    pub(crate) fn picture(&self, route: Route, text: &str) -> Option<PictureFault> {
        self.take(route, text, |fault| match fault {
            Fault::Picture(fault) => Some(*fault),
            Fault::Answer(_) | Fault::Outcome(_) | Fault::Webhook(_) => None,
        })
    }

    /// Uses the oldest order of one family that is for this request.
    fn take<T>(&self, route: Route, text: &str, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut orders = locked(&self.orders);
        let (at, fault) = orders.iter().enumerate().find_map(|(at, order)| {
            let routed = order.on.route.is_none_or(|wanted| wanted == route);
            let marked = order.on.marker.as_ref().is_none_or(|marker| text.contains(marker));
            if routed && marked { Some((at, pick(&order.fault)?)) } else { None }
        })?;
        let used_up = orders.get_mut(at).is_some_and(|order| {
            order.times -= 1;
            order.times == 0
        });
        if used_up {
            orders.remove(at);
        }
        Some(fault)
    }
}

fn once() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_as_json() {
        let check = |json: &str, order: Order| {
            assert_eq!(serde_json::from_str::<Order>(json).unwrap(), order, "{json}");
        };
        check(r#"{"fault": {"answer": "silence"}}"#, Order::next(AnswerFault::Silence.into()));
        check(
            r#"{"fault": {"answer": {"too_many": {"retry_after_s": 3}}}, "times": 2}"#,
            Order::next(AnswerFault::TooMany { retry_after_s: Some(3) }.into()).times(2),
        );
        check(
            r#"{"fault": {"outcome": {"error": {}}}, "on": {"marker": "m1"}}"#,
            Order::next(OutcomeFault::Error { code: None }.into()).on_marker("m1"),
        );
        check(
            r#"{"fault": {"picture": "bomb"}, "on": {"route": "generate_lite"}}"#,
            Order::next(PictureFault::Bomb.into()).on_route(Route::GenerateLite),
        );
        assert!(serde_json::from_str::<Order>(r#"{"fault": {"answer": "nap"}}"#).is_err());
        assert!(
            serde_json::from_str::<Order>(r#"{"fault": {"answer": "silence"}, "x": 1}"#).is_err()
        );
    }

    #[test]
    fn orders_have_limits() {
        let stuck = || Order::next(OutcomeFault::Stuck.into());
        let late = |delay_ms| Order::next(WebhookFault::Late { delay_ms }.into());
        let copied = |copies| Order::next(WebhookFault::Duplicate { copies }.into());
        for (order, refused) in [
            (stuck().times(0), OrderError::Times),
            (stuck().times(TIMES_MAX + 1), OrderError::Times),
            (stuck().on_marker(""), OrderError::Marker),
            (stuck().on_marker("a\"b"), OrderError::Marker),
            (stuck().on_marker("ä"), OrderError::Marker),
            (late(DELAY_MS_MAX + 1), OrderError::Delay),
            (copied(0), OrderError::Copies),
            (copied(17), OrderError::Copies),
        ] {
            assert_eq!(Faults::default().order(order.clone()), Err(refused), "{order:?}");
        }
        let faults = Faults::default();
        for _ in 0..ORDERS_MAX {
            faults.order(stuck()).unwrap();
        }
        assert_eq!(faults.order(stuck()), Err(OrderError::TooManyWaiting));
    }

    #[test]
    fn the_oldest_order_that_fits_is_used_up_first() {
        let faults = Faults::default();
        let lite = Order::next(AnswerFault::Blocked.into()).on_route(Route::GenerateLite);
        faults.order(lite).unwrap();
        faults.order(Order::next(OutcomeFault::Failed.into()).on_marker("m1")).unwrap();
        faults.order(Order::next(AnswerFault::ServerError.into()).times(2)).unwrap();

        assert_eq!(faults.outcome(Route::Generate, "nothing"), None);
        assert_eq!(faults.outcome(Route::Generate, "with m1"), Some(OutcomeFault::Failed));
        assert_eq!(faults.outcome(Route::Generate, "with m1"), None, "used up");
        assert_eq!(faults.answer(Route::Generate, ""), Some(AnswerFault::ServerError));
        assert_eq!(faults.answer(Route::GenerateLite, ""), Some(AnswerFault::Blocked));
        assert_eq!(faults.answer(Route::GenerateLite, ""), Some(AnswerFault::ServerError));
        assert_eq!(faults.waiting(), []);
    }
}
