//! A function as data: its trigger and the variables its process needs.
//!
//! Each crate of functions lists its own. Nothing deployed reads these lists: tests check the
//! template, the events and the access table against them.

use clients::oidc::{Identity, TokenError};
use connect::Connect;
use serde::de::DeserializeOwned;

use crate::{
    authorizer::Presented,
    call::Call,
    endpoint::Endpoint,
    error::ApiError,
    http,
    response::Reply,
    stream::Changes,
    worker::{Task, TaskError, Worker},
};

/// A function: its trigger and its capabilities.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its trigger.
    pub trigger: Trigger,
    touches: fn() -> Vec<&'static str>,
}

/// The trigger of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// An HTTP request.
    Route(Endpoint),
    /// Messages of a queue.
    Queue(Worker),
    /// Changes of the table (DynamoDB Streams).
    Stream(Worker),
    /// A schedule (EventBridge).
    Schedule(Worker),
    /// A token to verify.
    Token(Worker),
}

impl Function {
    /// What [`crate::http`] serves.
    pub const fn http<C, R, T, H>(endpoint: Endpoint, _: &H) -> Function
    where
        C: Connect,
        R: DeserializeOwned,
        T: Reply,
        H: AsyncFn(&C, Call<R>) -> Result<T, ApiError>,
    {
        Function { trigger: Trigger::Route(endpoint), touches: C::variables }
    }

    /// What [`crate::queue`] serves.
    pub const fn queue<C, M, H>(worker: Worker, _: &H) -> Function
    where
        C: Connect,
        M: DeserializeOwned,
        H: AsyncFn(&C, Task<M>) -> Result<(), TaskError>,
    {
        Function { trigger: Trigger::Queue(worker), touches: C::variables }
    }

    /// What [`crate::stream`] serves.
    pub const fn stream<C, H>(worker: Worker, _: &H) -> Function
    where
        C: Connect,
        H: AsyncFn(&C, Changes) -> Vec<Result<(), TaskError>>,
    {
        Function { trigger: Trigger::Stream(worker), touches: C::variables }
    }

    /// What [`crate::schedule`] serves.
    pub const fn schedule<C, H>(worker: Worker, _: &H) -> Function
    where
        C: Connect,
        H: AsyncFn(&C, Task) -> Result<(), TaskError>,
    {
        Function { trigger: Trigger::Schedule(worker), touches: C::variables }
    }

    /// What [`crate::authorize`] serves.
    pub const fn authorizer<C, H>(worker: Worker, _: &H) -> Function
    where
        C: Connect,
        H: AsyncFn(&C, Presented) -> Result<Identity, TokenError>,
    {
        Function { trigger: Trigger::Token(worker), touches: C::variables }
    }

    /// The name of the binary, the event and the log lines.
    pub const fn name(&self) -> &'static str {
        match self.trigger {
            Trigger::Route(endpoint) => endpoint.name,
            Trigger::Queue(worker)
            | Trigger::Stream(worker)
            | Trigger::Schedule(worker)
            | Trigger::Token(worker) => worker.name,
        }
    }

    /// The variables its process requires to start.
    pub fn variables(&self) -> Vec<&'static str> {
        let touches = (self.touches)();
        match &self.trigger {
            Trigger::Route(endpoint) => http::variables(endpoint, touches),
            Trigger::Queue(_) | Trigger::Stream(_) | Trigger::Schedule(_) | Trigger::Token(_) => {
                touches
            }
        }
    }
}
