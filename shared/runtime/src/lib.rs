//! The boundary between Lambda and handlers: events in, responses out.
//!
//! The only crate that knows an HTTP status. A handler is an async
//! function of its capabilities ([`Connect`]) and its input ([`Call`], [`Task`]); the shells in
//! here do everything around it, the same way for every function.

// The derive of `Connect` names this crate, as the crates of functions do.
#[cfg(test)]
extern crate self as runtime;

mod admission;
pub mod apigw;
mod authorizer;
mod boot;
mod call;
mod connected;
mod context;
pub mod contract;
mod endpoint;
mod entropy;
mod error;
mod etag;
mod frontend;
mod function;
mod guard;
mod http;
mod idempotency;
mod input;
mod links;
mod member;
mod metrics;
#[cfg(feature = "schema")]
mod operation;
mod page;
pub mod patch;
mod path_id;
mod prefer;
mod queue;
mod response;
mod stream;
mod telemetry;
mod worker;

pub use self::http::EXPOSED_HEADERS;
pub use admission::RecentCalls;
pub use authorizer::{AuthorizeError, AuthorizerEvent, Presented};
pub use aws_lambda_events::sqs::SqsEvent as QueueEvent;
pub use boot::Failed;
pub use call::{Call, CallError, Caller, Raw, RequestId};
pub use clients::{
    bria::webhook::WebhookTokens,
    providers::{BriaImages, ImageProvider, PromptProvider},
    stripe::webhook::StripeWebhookSecrets,
};
pub use connect::{Aws, Clock, Connect, Environment, InitError, ProcessClients};
pub use connect_derive::Connect;
pub use context::InvocationContext;
pub use endpoint::{Access, Endpoint, KeyRule, Method, WRITES};
pub use entropy::Entropy;
pub use error::ApiError;
pub use frontend::Frontend;
pub use function::{Function, HttpResponse, Process, Trigger};
pub use idempotency::{Recorded, once, replayed};
pub use links::{Link, Links};
pub use member::Member;
pub use metrics::Metrics;
#[cfg(feature = "schema")]
pub use operation::Operation;
pub use page::PageRequest;
pub use path_id::PathId;
pub use response::{
    Accepted, Answer, Awaited, Cacheable, Created, Editable, FileLink, Html, HtmlPage, Json,
    JsonOrFile, NoContent, NoStore, NowOrLater, Polled, Reply, TextFile,
};
pub use store::Idempotency;
pub use stream::{Change, ChangeKind, ChangedItem, Changes, Image, StreamEvent};
pub use worker::{ScheduleEvent, Task, TaskError, Worker};

#[cfg(test)]
mod tests;
