//! The edge: from Lambda's events to handlers, and from what they return to the wire.
//!
//! The only place that reads the environment or knows an HTTP status. A handler is an async
//! function of what it may touch ([`Connect`]) and of what it was asked ([`Call`], [`Task`]); the
//! shells in here do everything around it, the same way for every function.

mod ambient;
pub mod apigw;
mod authorizer;
mod aws;
mod boot;
mod call;
mod connect;
mod endpoint;
mod env;
mod error;
mod function;
mod guard;
mod http;
mod idempotency;
mod input;
mod marketplace;
mod metrics;
mod money;
mod page;
pub mod patch;
mod providers;
mod queue;
mod reply;
mod stream;
mod telemetry;
mod worker;

pub use self::http::{EXPOSED_HEADERS, dispatch, http};
pub use ambient::{Ambient, Clock, Entropy};
pub use authorizer::{
    AuthorizerEvent, NotAuthorized, Policy, Presented, authorize, dispatch_authorize,
};
pub use aws::Aws;
pub use call::{Call, CallRefused, Caller, Link, Links, Raw, RequestId};
pub use clients::oidc::Identity;
pub use connect::Connect;
pub use endpoint::{Access, BODY_BYTES_MAX, Endpoint, KeyRule, Method};
pub use env::{Environment, InitError};
pub use error::{ApiError, Meaning, PROBLEM_TYPE_BASE, meaning};
pub use function::{Function, Trigger};
pub use idempotency::{kept, once};
pub use metrics::{Metrics, NAMESPACE};
pub use money::{Frontend, StripeWebhookSecrets};
pub use page::PageRequest;
pub use providers::{BriaImages, ImageProvider, PromptProvider, WebhookTokens};
pub use queue::{BatchResponse, ItemFailure, QueueEvent, dispatch_queue, queue};
pub use reply::{
    Accepted, Answer, Created, Fresh, Html, HtmlPage, Json, JsonOrFile, NoContent, Polled,
    Redirect, Reply, Shared,
};
pub use store::Idempotency;
pub use stream::{
    Change, ChangeKind, ChangedItem, Changes, Image, StreamEvent, dispatch_stream, stream,
};
pub use worker::{ScheduleEvent, Task, TaskError, Worker, dispatch_schedule, schedule};

#[cfg(test)]
mod tests;
