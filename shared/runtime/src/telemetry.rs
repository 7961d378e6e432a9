//! Logs: JSON lines on standard output, one at `info` for each invocation.
//!
//! Every line of a call carries its request id, actor and job, because they are fields of the
//! call's span.

use std::panic;

use domain::Timestamp;
use tracing::{Level, Span, Subscriber, error, field, info, info_span, warn};
use tracing_subscriber::{
    Layer, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::{context::InvocationContext, error::ApiError};

/// `lambda_runtime` logs every invocation that returned an error or panicked here, at level
/// `error`. A refused token is such an error, and panics have their own line already.
const SAID_TWICE: &str = "lambda_runtime::layers::panic";

/// Starts logging at `level` and above, and logs panics.
pub(crate) fn start(level: Level) {
    if subscriber(level, std::io::stdout).try_init().is_err() {
        warn!("logging was already started");
    }
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map(ToString::to_string).unwrap_or_default();
        let payload = panicked.payload_as_str().unwrap_or("something that is not text");
        error!(place, "panicked: {payload}");
    }));
}

fn subscriber<W>(level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer);
    // A failed invocation is logged by its own shell, at the right level.
    let wanted = filter_fn(move |line| *line.level() <= level && line.target() != SAID_TWICE);
    tracing_subscriber::registry().with(lines.with_filter(wanted.with_max_level_hint(level)))
}

/// The span of one call or message.
pub(crate) fn span(request_id: &str) -> Span {
    info_span!("call", request_id, actor = field::Empty, job_id = field::Empty)
}

/// Logs an internal error with all its causes. A caller's error is only in the closing line.
pub(crate) fn log_refusal(refused: &ApiError) {
    match (refused.is_ours(), refused.status()) {
        (true, 500) => {
            error!(code = refused.refusal().code(), error = refused.chain(), "request failed")
        }
        (true, _) => {
            warn!(code = refused.refusal().code(), error = refused.chain(), "request failed")
        }
        (false, _) => {}
    }
}

/// The closing line of an invocation.
#[derive(Debug)]
pub(crate) struct Ended {
    name: &'static str,
    began: Timestamp,
}

impl Ended {
    pub(crate) fn begin(name: &'static str, context: &InvocationContext) -> Ended {
        Ended { name, began: context.now() }
    }

    /// Logs the closing line of an HTTP call.
    pub(crate) fn log_call(
        &self,
        context: &InvocationContext,
        status: u16,
        code: Option<&'static str>,
        network: Option<&str>,
    ) {
        let (duration_ms, cold_start) = (self.duration_ms(context), context.cold_start);
        info!(
            endpoint = self.name,
            status, code, network, duration_ms, cold_start, "request completed"
        );
    }

    /// Logs the closing line of a message, a batch of changes, a scheduled run or a token.
    pub(crate) fn log_work(&self, context: &InvocationContext, outcome: &str) {
        let (duration_ms, cold_start) = (self.duration_ms(context), context.cold_start);
        info!(endpoint = self.name, outcome, duration_ms, cold_start, "task finished");
    }

    fn duration_ms(&self, context: &InvocationContext) -> i64 {
        context.now().as_millis().saturating_sub(self.began.as_millis())
    }
}

/// Collects what is logged on this thread until it is dropped.
///
/// All tests of the process share one subscriber, which writes to the thread it is called on. One
/// subscriber per test would not do: `tracing` caches for the whole process whether a line is
/// enabled, and asks the thread that reaches the line first, which may have no subscriber.
#[cfg(test)]
pub(crate) struct Logged {
    /// Its lines belong to its thread.
    _thread: std::marker::PhantomData<*const ()>,
}

#[cfg(test)]
thread_local! {
    static LINES: std::cell::RefCell<Option<Vec<u8>>> = const { std::cell::RefCell::new(None) };
}

#[cfg(test)]
impl Logged {
    pub(crate) fn begin() -> Logged {
        static STARTED: std::sync::Once = std::sync::Once::new();
        STARTED.call_once(|| {
            tracing::subscriber::set_global_default(subscriber(Level::INFO, || Sink)).unwrap();
            // A line first reached before the subscriber was set is cached as disabled.
            tracing::callsite::rebuild_interest_cache();
        });
        LINES.set(Some(Vec::new()));
        Logged { _thread: std::marker::PhantomData }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let bytes = LINES.with_borrow(Clone::clone).unwrap();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

#[cfg(test)]
impl Drop for Logged {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

#[cfg(test)]
struct Sink;

#[cfg(test)]
impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| {
            lines.iter_mut().for_each(|lines| lines.extend_from_slice(bytes))
        });
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
