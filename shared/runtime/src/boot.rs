//! From the start of a process to the loop over its invocations.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use domain::Timestamp;
use futures_util::FutureExt;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use tracing::{Level, error};

use crate::{
    ambient::Ambient,
    aws::Aws,
    connect::Connect,
    env::{Environment, InitError},
    error::chain,
    held::Held,
    telemetry,
};

/// The one origin whose pages may read answers.
pub(crate) const CORS_ORIGIN: &str = "CORS_ORIGIN";
/// The stage's root as callers see it, where a function declares it.
const PUBLIC_API_URL: &str = "PUBLIC_API_URL";
/// `error`, `warn`, `info` (the default), `debug` or `trace`, where a function declares it.
const LOG_LEVEL: &str = "LOG_LEVEL";
/// What Lambda sets for every function, and the loop cannot do without.
const SET_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

/// An invocation that is to be reported as failed. Lambda passes the message on.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Diagnostic {
        Diagnostic { error_type: "Failed".to_owned(), error_message: failed.0 }
    }
}

/// What came of an invocation.
pub(crate) enum Served<A, E> {
    /// It was answered.
    Done(A),
    /// It was answered, but its signature fits none of the secrets that are held: if others can be
    /// read, it is answered with them.
    Doubted(A, E),
}

impl<A, E> Served<A, E> {
    fn into_answer(self) -> A {
        match self {
            Served::Done(answer) | Served::Doubted(answer, _) => answer,
        }
    }
}

/// Connects `C` and answers invocations with `answer` until Lambda ends the process.
///
/// Anything wrong with the start is one line in the log and a failed exit.
pub(crate) fn serve<C, E, A, H>(
    name: &'static str,
    variables: Vec<&'static str>,
    answer: H,
) -> ExitCode
where
    C: Connect,
    E: DeserializeOwned,
    A: Serialize,
    H: AsyncFn(&C, Ambient, E) -> Result<Served<A, E>, Failed>,
{
    let env = Environment::of_process();
    telemetry::start(
        env.optional(LOG_LEVEL).and_then(|level| level.parse().ok()).unwrap_or(Level::INFO),
    );
    match run(&env, variables, answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            error!(endpoint = name, error = chain(&failed), "did not start");
            ExitCode::FAILURE
        }
    }
}

fn run<C, E, A, H>(
    env: &Environment,
    variables: Vec<&'static str>,
    answer: H,
) -> Result<(), InitError>
where
    C: Connect,
    E: DeserializeOwned,
    A: Serialize,
    H: AsyncFn(&C, Ambient, E) -> Result<Served<A, E>, Failed>,
{
    env.require(&[&SET_BY_LAMBDA, variables.as_slice()].concat())?;
    // One invocation at a time: more threads would only cost memory and start-up time.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|e| unavailable("the async runtime", e))?;
    tokio.block_on(async {
        let (aws, process) = (Aws::load().await, Process::new(env));
        let held = Held::<C>::connect(env, &aws, process.ambient.now()).await?;
        let service = service_fn(async |event: LambdaEvent<E>| {
            let ambient = process.ambient(&event.context);
            let (now, capabilities) = (ambient.now(), held.at(ambient.now()).await);
            match answer(&capabilities, ambient.clone(), event.payload).boxed_local().await? {
                Served::Done(answer) => Ok::<A, Failed>(answer),
                Served::Doubted(first, event) => match held.doubted(now).await {
                    None => Ok(first),
                    Some(capabilities) => {
                        let second = answer(&capabilities, ambient, event).boxed_local().await?;
                        Ok(second.into_answer())
                    }
                },
            }
        });
        Runtime::new(service).run().await.map_err(|e| unavailable("Lambda's runtime API", e))
    })
}

fn unavailable(
    what: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> InitError {
    InitError::Unavailable { what, source: source.into() }
}

/// What all invocations of a process share.
struct Process {
    ambient: Ambient,
    is_warm: AtomicBool,
}

impl Process {
    fn new(env: &Environment) -> Process {
        let ambient = Ambient {
            cors_origin: env.optional(CORS_ORIGIN).map(Into::into),
            public_url: env.optional(PUBLIC_API_URL).map(Into::into),
            ..Ambient::system()
        };
        Process { ambient, is_warm: AtomicBool::new(false) }
    }

    fn ambient(&self, context: &Context) -> Ambient {
        Ambient {
            deadline: i64::try_from(context.deadline).ok().map(Timestamp::from_millis),
            cold_start: !self.is_warm.swap(true, Ordering::Relaxed),
            ..self.ambient.clone()
        }
    }
}
