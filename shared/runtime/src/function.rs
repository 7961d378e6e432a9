//! A function as data: its trigger, the variables its process needs, and the process itself.
//!
//! Each crate of functions lists its own. A binary serves one of them; tests check the template,
//! the events and the access table against the list, and call its functions.

use std::{fmt, process::ExitCode};

use connect::{Aws, Connect, Environment, InitError};
use lambda_http::Body;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    authorizer::{self, AuthorizeError, Presented},
    boot::{self, Answer, Events, Failed, Program},
    call::Call,
    context::InvocationContext,
    contract::Wire,
    endpoint::Endpoint,
    error::ApiError,
    http,
    member::Member,
    queue,
    response::Reply,
    stream::{self, Changes},
    worker::{self, Task, TaskError, Worker},
};

/// A function before its process starts.
pub struct Function {
    /// Its trigger.
    pub trigger: Trigger,
    program: AnyProgram,
    #[cfg(feature = "schema")]
    pub(crate) reads: Option<crate::contract::Reads>,
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

/// A request of [`lambda_http`].
type HttpRequest = lambda_http::Request;
/// A response of [`lambda_http`].
pub type HttpResponse = lambda_http::Response<Body>;

enum AnyProgram {
    Http(Program<HttpRequest, HttpResponse>),
    Events(Events),
}

impl Function {
    /// A function that answers the requests of `endpoint`.
    pub fn http<C, R, T, H>(endpoint: Endpoint, handle: H) -> Function
    where
        C: Connect + 'static,
        R: DeserializeOwned + Wire,
        T: Reply,
        H: AsyncFn(&C, Call<R>) -> Result<T, ApiError> + 'static,
    {
        let program = AnyProgram::Http(http::program(endpoint, handle));
        Function {
            trigger: Trigger::Route(endpoint),
            program,
            #[cfg(feature = "schema")]
            reads: Some(crate::response::described::<R, T>()),
        }
    }

    /// A function that processes the messages of a queue.
    pub fn queue<C, M, H>(worker: Worker, handle: H) -> Function
    where
        C: Connect + 'static,
        M: DeserializeOwned + 'static,
        H: AsyncFn(&C, Task<M>) -> Result<(), TaskError> + 'static,
    {
        Function::of(Trigger::Queue(worker), queue::program(worker, handle))
    }

    /// A function that processes changes of the table.
    pub fn stream<C, H>(worker: Worker, handle: H) -> Function
    where
        C: Connect + 'static,
        H: AsyncFn(&C, Changes) -> Vec<Result<(), TaskError>> + 'static,
    {
        Function::of(Trigger::Stream(worker), stream::program(worker, handle))
    }

    /// A function that runs on a schedule.
    pub fn schedule<C, H>(worker: Worker, handle: H) -> Function
    where
        C: Connect + 'static,
        H: AsyncFn(&C, Task) -> Result<(), TaskError> + 'static,
    {
        Function::of(Trigger::Schedule(worker), worker::program(worker, handle))
    }

    /// A function that tells whose a token or a key is.
    pub fn authorizer<C, H>(worker: Worker, handle: H) -> Function
    where
        C: Connect + 'static,
        H: AsyncFn(&C, Presented) -> Result<Member, AuthorizeError> + 'static,
    {
        Function::of(Trigger::Token(worker), authorizer::program(worker, handle))
    }

    fn of(trigger: Trigger, program: Events) -> Function {
        Function {
            trigger,
            program: AnyProgram::Events(program),
            #[cfg(feature = "schema")]
            reads: None,
        }
    }

    /// The name of the binary, the event and the log lines.
    pub const fn name(&self) -> &'static str {
        self.trigger.name()
    }

    /// The variables its process requires to start.
    pub fn variables(&self) -> &[&'static str] {
        match &self.program {
            AnyProgram::Http(program) => program.variables(),
            AnyProgram::Events(program) => program.variables(),
        }
    }

    /// Serves it until Lambda ends the process: the whole of a binary's `main`. A failed start is
    /// one log line and a failure exit code.
    pub fn serve(self) -> ExitCode {
        match self.program {
            AnyProgram::Http(program) => boot::serve_http(program),
            AnyProgram::Events(program) => boot::serve_events(program),
        }
    }

    /// Starts its process without Lambda, for tests.
    ///
    /// # Errors
    /// As a start on Lambda.
    pub async fn start(
        self,
        env: Environment,
        aws: Aws,
        context: &InvocationContext,
    ) -> Result<Process, InitError> {
        env.require(self.variables())?;
        let now = context.now();
        Ok(Process(match self.program {
            AnyProgram::Http(program) => Connected::Http(program.connect(env, aws, now).await?),
            AnyProgram::Events(program) => Connected::Events(program.connect(env, aws, now).await?),
        }))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name())
    }
}

impl Trigger {
    /// The name of its function.
    pub const fn name(&self) -> &'static str {
        match self {
            Trigger::Route(endpoint) => endpoint.name,
            Trigger::Queue(worker)
            | Trigger::Stream(worker)
            | Trigger::Schedule(worker)
            | Trigger::Token(worker) => worker.name,
        }
    }
}

/// A started process of a function, with what its capabilities keep in memory.
pub struct Process(Connected);

enum Connected {
    Http(Answer<HttpRequest, HttpResponse>),
    Events(Answer<Box<RawValue>, Box<RawValue>>),
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}

impl Process {
    /// Answers a request.
    ///
    /// # Errors
    /// When the function has no route.
    pub async fn request(
        &self,
        context: InvocationContext,
        request: HttpRequest,
    ) -> Result<HttpResponse, Failed> {
        match &self.0 {
            Connected::Http(answer) => answer(context, request).await,
            Connected::Events(_) => Err(Failed("this function answers no requests".to_owned())),
        }
    }

    /// Answers any other event, as JSON.
    ///
    /// # Errors
    /// The message that Lambda would return to the caller.
    pub async fn event(
        &self,
        context: InvocationContext,
        event: Box<RawValue>,
    ) -> Result<Box<RawValue>, Failed> {
        match &self.0 {
            Connected::Events(answer) => answer(context, event).await,
            Connected::Http(_) => Err(Failed("this function answers only requests".to_owned())),
        }
    }
}
