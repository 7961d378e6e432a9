//! Faults on demand: what fails, for which requests, how often.
//!
//! An [`Order`] is pending until requests match its condition, and is consumed after `times` uses.
//! Four families never compete for one request, so one order of each may apply to the same job: the
//! *answer* to a request, the *outcome* of a job, its *webhook* and its *picture*. Within a family
//! the oldest matching order goes first.

use std::{collections::VecDeque, sync::Mutex};

use serde::{Deserialize, Serialize};

use crate::{app_state::locked, route::Route};

/// Most pending orders.
pub const ORDERS_MAX: usize = 256;
/// Most uses of one order.
pub const TIMES_MAX: u32 = 10_000;
/// Longest delay of an order, in milliseconds.
pub const DELAY_MS_MAX: u64 = 120_000;
/// Longest marker, in bytes.
pub const MARKER_BYTES_MAX: usize = 100;

/// One order: apply `fault` to the next `times` requests that match `on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The fault to apply.
    pub fault: Fault,
    /// Which requests it applies to; by default any.
    #[serde(default)]
    pub on: Condition,
    /// How many times, 1 to [`TIMES_MAX`].
    #[serde(default = "once")]
    pub times: u32,
}

/// Which requests an order applies to. An absent field matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The route; faults of a job are matched against the route that it was submitted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Text inside the request's body or, for statuses and results, inside the body that submitted
    /// the job: ASCII without quotes and backslashes, so that JSON encodes it unchanged. For the
    /// payment provider, method, path and query precede the body: `POST /stripe/v1/refunds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

/// A fault, by family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// In the answer to one request, on any route.
    Answer(AnswerFault),
    /// In the outcome of a job.
    Outcome(OutcomeFault),
    /// In the webhook that reports the end of a job.
    Webhook(WebhookFault),
    /// In the picture at a job's result URL.
    Picture(PictureFault),
}

/// A fault of an answer. "Accepted" means that the request took effect anyway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFault {
    /// The request is processed this much later.
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
    /// 422 (400 by the payment provider) for a request that cannot be parsed; nothing accepted.
    NotUnderstood,
    /// The payment provider refuses; nothing accepted. The others answer as not understood.
    Refused {
        /// The status, 400 to 499.
        status: u16,
        /// The code of the error, such as `balance_insufficient`.
        code: String,
    },
    /// 500, nothing accepted; the caller cannot tell.
    ServerError,
    /// 502 with an HTML page, nothing accepted.
    HtmlPage,
    /// Accepted, then 500.
    ServerErrorAfterAccepting,
    /// Accepted, then no answer for as long as the caller waits.
    Silence,
    /// Accepted, then the connection breaks mid-answer.
    BrokenConnection,
    /// Accepted, then a success with truncated JSON.
    MalformedJson,
}

/// How a job ends instead of with a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeFault {
    /// Status `ERROR`, as the provider documents it.
    Error {
        /// The code inside `error`: 500 by default, 422 for a blocked output, 400 for an invalid
        /// request.
        #[serde(default)]
        code: Option<u16>,
    },
    /// Status `FAILED`, as the provider's own examples expect it.
    Failed,
    /// Status `UNKNOWN`.
    Unknown,
    /// The job expires: its status answers 404 from the moment it would have ended.
    Expired,
    /// The job never ends.
    Stuck,
    /// The job succeeds, but only after this time.
    Slow {
        /// Milliseconds, at most [`DELAY_MS_MAX`].
        completes_after_ms: u64,
    },
}

/// A fault of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// The genuine webhook is followed by this many copies, all at once.
    Duplicate {
        /// 1 to 16.
        copies: u8,
    },
    /// The genuine webhook is sent this long after the job ends.
    Late {
        /// Milliseconds, at most [`DELAY_MS_MAX`].
        delay_ms: u64,
    },
    /// The job ends immediately and its webhook is delivered before the submission is answered.
    Early,
    /// A forged webhook (invalid signature, claims a failure) comes first, then the genuine one.
    Forged,
    /// No webhook is sent.
    Dropped,
}

/// What a result URL serves instead of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureFault {
    /// More than 32 MiB without a `Content-Length`, with the header of a PNG.
    Huge,
    /// The first half of the picture.
    Truncated,
    /// A few bytes of PNG that declare 60,000 by 60,000 pixels.
    Bomb,
    /// An HTML page with status 200.
    HtmlPage,
    /// A redirect to the host of the API, where the intact picture is.
    Redirect,
    /// 404: the URL has expired.
    Gone,
    /// A picture of nothing but black, as the content filter serves it.
    Black,
}

/// A refused order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// [`ORDERS_MAX`] orders are pending already.
    #[error("{ORDERS_MAX} orders are pending already; clear them first")]
    TooManyWaiting,
    /// `times` is out of range.
    #[error("`times` must be 1 to {TIMES_MAX}")]
    Times,
    /// A delay is out of range.
    #[error("a delay is at most {DELAY_MS_MAX} ms")]
    Delay,
    /// `copies` is out of range.
    #[error("`copies` must be 1 to 16")]
    Copies,
    /// The status is none of a refusal.
    #[error("the status of a refusal must be 400 to 499")]
    Status,
    /// The marker is empty, too long, or has two encodings in JSON.
    #[error("a marker is 1 to {MARKER_BYTES_MAX} ASCII characters without quotes and backslashes")]
    Marker,
}

impl Order {
    /// An order for the next request that `fault` can apply to.
    pub fn next(fault: Fault) -> Order {
        Order { fault, on: Condition::default(), times: 1 }
    }

    /// Limits the order to one route.
    #[must_use]
    pub fn on_route(mut self, route: Route) -> Order {
        self.on.route = Some(route);
        self
    }

    /// Limits the order to requests and jobs that contain `marker`.
    #[must_use]
    pub fn on_marker(mut self, marker: impl Into<String>) -> Order {
        self.on.marker = Some(marker.into());
        self
    }

    /// Applies the order more than once.
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
            Fault::Answer(AnswerFault::Refused { status, .. })
                if !(400..=499).contains(&status) =>
            {
                Err(OrderError::Status)
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

/// The pending orders, oldest first.
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

    /// Consumes one use of the oldest order of one family that matches this request.
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
