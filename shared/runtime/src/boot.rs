//! From the start of a process to the loop over its invocations.

use std::{
    process::ExitCode,
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
};

use connect::{Aws, Connect, Environment, InitError, chain};
use domain::Timestamp;
use futures_util::{FutureExt, future::LocalBoxFuture};
use lambda_http::{Body, RequestExt};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use send_wrapper::SendWrapper;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use tracing::{Level, error};

use crate::{connected::Connected, context::InvocationContext, metrics, telemetry};

/// The origins whose pages may read responses, separated by commas.
pub(crate) const CORS_ORIGINS: &str = "CORS_ORIGINS";
/// The public URL of the stage, where a function declares it.
const PUBLIC_API_URL: &str = "PUBLIC_API_URL";
/// The header with the client's address, behind a CDN.
const ADDRESS_HEADER: &str = "ADDRESS_HEADER";
/// `error`, `warn`, `info` (the default), `debug` or `trace`, where a function declares it.
const LOG_LEVEL: &str = "LOG_LEVEL";
/// The name of the stack, for its metrics.
const STACK_NAME: &str = "STACK_NAME";
/// Variables that Lambda sets for every function and the loop requires.
const SET_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

/// An invocation to report as failed. Lambda returns the message to the caller.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub(crate) String);

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Diagnostic {
        Diagnostic { error_type: "Failed".to_owned(), error_message: failed.0 }
    }
}

/// The result of an invocation.
pub(crate) enum Served<A, E> {
    /// The invocation was answered.
    Done(A),
    /// It was answered, but its signature matches no secret in memory: it is retried if newer
    /// secrets can be read.
    Doubted(A, E),
}

impl<A, E> Served<A, E> {
    fn into_answer(self) -> A {
        match self {
            Served::Done(answer) | Served::Doubted(answer, _) => answer,
        }
    }
}

/// The pending result of an invocation.
type Answering<A> = LocalBoxFuture<'static, Result<A, Failed>>;
/// A connected function.
pub(crate) type Answer<E, A> = Box<dyn Fn(InvocationContext, E) -> Answering<A>>;
type Connecting<E, A> = LocalBoxFuture<'static, Result<Answer<E, A>, InitError>>;
type Connector<E, A> = dyn FnOnce(Environment, Aws, Timestamp) -> Connecting<E, A>;

/// A function of any trigger but a request: JSON in, JSON out.
pub(crate) type Events = Program<Box<RawValue>, Box<RawValue>>;

/// A function before its process connects, from events `E` to answers `A`. Its type names neither
/// its capabilities nor its handler, so that the loop is compiled once, here, and not in each
/// binary.
pub(crate) struct Program<E, A> {
    name: &'static str,
    variables: Vec<&'static str>,
    connect: Box<Connector<E, A>>,
}

impl<E: 'static, A: 'static> Program<E, A> {
    /// A function that connects `C` and answers with `answer`.
    pub(crate) fn new<C, H>(
        name: &'static str,
        variables: Vec<&'static str>,
        answer: H,
    ) -> Program<E, A>
    where
        C: Connect + 'static,
        H: AsyncFn(&C, InvocationContext, E) -> Result<Served<A, E>, Failed> + 'static,
    {
        let connect = move |env, aws, now| {
            let connecting = async move {
                let connected = Connected::<C>::connect(Rc::new(env), Rc::new(aws), now).await?;
                let (connected, answer) = (Rc::new(connected), Rc::new(answer));
                let answer = move |context, event| {
                    answered(connected.clone(), answer.clone(), context, event).boxed_local()
                };
                Ok(Box::new(answer) as Answer<E, A>)
            };
            connecting.boxed_local()
        };
        Program { name, variables, connect: Box::new(connect) }
    }

    /// The variables that must be set.
    pub(crate) fn variables(&self) -> &[&'static str] {
        &self.variables
    }

    /// Connects its capabilities.
    pub(crate) async fn connect(
        self,
        env: Environment,
        aws: Aws,
        now: Timestamp,
    ) -> Result<Answer<E, A>, InitError> {
        (self.connect)(env, aws, now).await
    }
}

/// Answers with the connected capabilities, and once more with newer secrets if the signature
/// matched none.
async fn answered<C, E, A, H>(
    connected: Rc<Connected<C>>,
    answer: Rc<H>,
    context: InvocationContext,
    event: E,
) -> Result<A, Failed>
where
    C: Connect,
    H: AsyncFn(&C, InvocationContext, E) -> Result<Served<A, E>, Failed>,
{
    let now = context.now();
    let capabilities = connected.at(now).await;
    match answer(&capabilities, context.clone(), event).await? {
        Served::Done(answer) => Ok(answer),
        Served::Doubted(first, event) => match connected.doubted(now).await {
            None => Ok(first),
            Some(capabilities) => Ok(answer(&capabilities, context, event).await?.into_answer()),
        },
    }
}

/// Serves HTTP requests until Lambda ends the process. A failed start is one log line and a failure
/// exit code.
pub(crate) fn serve_http(
    program: Program<lambda_http::Request, lambda_http::Response<Body>>,
) -> ExitCode {
    serve(program, async |process, answer| {
        // Everything runs on one thread: the loop requires `Send`, but nothing crosses a thread.
        let service = service_fn(|request: lambda_http::Request| {
            let deadline = request.lambda_context_ref().map_or(0, |context| context.deadline);
            SendWrapper::new(answer(process.invocation(deadline), request))
        });
        lambda_http::run(service).await
    })
}

/// Serves all other events as JSON, until Lambda ends the process.
pub(crate) fn serve_events(program: Events) -> ExitCode {
    serve(program, async |process, answer| {
        let service = service_fn(async |event: LambdaEvent<Box<RawValue>>| {
            answer(process.invocation(event.context.deadline), event.payload).await
        });
        Runtime::new(service).run().await
    })
}

fn serve<E: 'static, A: 'static>(
    program: Program<E, A>,
    run: impl AsyncFnOnce(Process, Answer<E, A>) -> Result<(), lambda_runtime::Error>,
) -> ExitCode {
    let (name, env) = (program.name, Environment::of_process());
    telemetry::start(
        env.optional(LOG_LEVEL).and_then(|level| level.parse().ok()).unwrap_or(Level::INFO),
    );
    env.optional(STACK_NAME).into_iter().for_each(metrics::start);
    match run_program(program, env, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            error!(endpoint = name, error = chain(&failed), "function did not start");
            ExitCode::FAILURE
        }
    }
}

fn run_program<E: 'static, A: 'static>(
    program: Program<E, A>,
    env: Environment,
    run: impl AsyncFnOnce(Process, Answer<E, A>) -> Result<(), lambda_runtime::Error>,
) -> Result<(), InitError> {
    env.require(&[&SET_BY_LAMBDA, program.variables.as_slice()].concat())?;
    // One invocation at a time: more threads would only cost memory and start-up time.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(InitError::unavailable("the async runtime"))?;
    tokio.block_on(async {
        let (aws, process) = (Aws::from_environment(&env)?, Process::new(&env));
        let now = process.context.now();
        let answer = program.connect(env, aws, now).await?;
        run(process, answer).await.map_err(InitError::unavailable("Lambda's runtime API"))
    })
}

/// Parses an event.
///
/// # Errors
/// When the event does not match the function's trigger.
pub(crate) fn read<E: DeserializeOwned>(event: &RawValue) -> Result<E, Failed> {
    serde_json::from_str(event.get()).map_err(|e| Failed(format!("unexpected event: {e}")))
}

/// An answer as JSON.
///
/// # Errors
/// When it does not serialize.
pub(crate) fn written(answer: &impl Serialize) -> Result<Box<RawValue>, Failed> {
    to_raw_value(answer).map_err(|e| Failed(format!("response did not serialize: {e}")))
}

/// State shared by all invocations of a process.
struct Process {
    context: InvocationContext,
    is_warm: AtomicBool,
}

impl Process {
    fn new(env: &Environment) -> Process {
        let context = InvocationContext {
            cors_origins: env.optional(CORS_ORIGINS).map(Into::into),
            public_url: env.optional(PUBLIC_API_URL).map(Into::into),
            address_header: env.optional(ADDRESS_HEADER).map(Into::into),
            ..InvocationContext::system()
        };
        Process { context, is_warm: AtomicBool::new(false) }
    }

    /// The context of an invocation that ends at `deadline`, in milliseconds since the epoch.
    fn invocation(&self, deadline: u64) -> InvocationContext {
        InvocationContext {
            deadline: i64::try_from(deadline).ok().map(Timestamp::from_millis),
            cold_start: !self.is_warm.swap(true, Ordering::Relaxed),
            ..self.context.clone()
        }
    }
}
