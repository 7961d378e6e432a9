//! Lambda's Runtime API, for one function process after another.
//!
//! A function requests its next event, posts the response, and repeats. Source:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use runtime::InvocationContext;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::BenchFailed;

/// Longest wait for a function.
const PATIENCE: Duration = Duration::from_secs(20);
/// Timeout announced to the function: the default of the deployed ones.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The Runtime API of one function.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    /// Value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) address: String,
    asked: mpsc::UnboundedReceiver<Asked>,
    reported: mpsc::UnboundedReceiver<Reported>,
}

/// A function that waits for its next event.
#[derive(Debug)]
pub(super) struct Asked {
    /// When it started to wait.
    pub(super) at: Instant,
    give: oneshot::Sender<String>,
}

/// A message of a function, and its time.
#[derive(Debug)]
struct Reported {
    at: Instant,
    said: Result<Bytes, Bytes>,
}

#[derive(Debug, Clone)]
struct Desk {
    asked: mpsc::UnboundedSender<Asked>,
    reported: mpsc::UnboundedSender<Reported>,
}

impl RuntimeApi {
    /// Listens on a free port of loopback until this process ends.
    pub(super) async fn start() -> Result<RuntimeApi, BenchFailed> {
        let failed = |source| BenchFailed::Io { what: "the Runtime API's socket".into(), source };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        let (tell_asked, asked) = mpsc::unbounded_channel();
        let (tell_reported, reported) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(refuse))
            .route("/2018-06-01/runtime/init/error", post(refuse))
            .with_state(Desk { asked: tell_asked, reported: tell_reported });
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(RuntimeApi { address, asked, reported })
    }

    /// Waits until the function requests an event.
    ///
    /// # Errors
    /// What the function did instead.
    pub(super) async fn ready(&mut self) -> Result<Asked, String> {
        let next = tokio::select! {
            asked = timeout(PATIENCE, self.asked.recv()) => asked,
            reported = self.reported.recv() => {
                return Err(format!("failed to start: {reported:?}"));
            }
        };
        next.ok().flatten().ok_or_else(|| "did not request an event".to_owned())
    }

    /// Sends `event` to the function and returns its response and the latency.
    ///
    /// # Errors
    /// What the function did instead.
    pub(super) async fn invoke(
        &mut self,
        asked: Asked,
        event: String,
    ) -> Result<(Bytes, Duration), String> {
        let began = Instant::now();
        asked.give.send(event).map_err(|_| "exited before its event was sent".to_owned())?;
        let reported = timeout(PATIENCE, self.reported.recv()).await.ok().flatten();
        let Reported { at, said } = reported.ok_or("did not answer")?;
        match said {
            Ok(answer) => Ok((answer, at.duration_since(began))),
            Err(error) => Err(format!("failed: {}", String::from_utf8_lossy(&error))),
        }
    }
}

async fn next(State(desk): State<Desk>) -> Response {
    let (give, event) = oneshot::channel();
    let at = Instant::now();
    let sent = desk.asked.send(Asked { at, give });
    match (sent, event.await) {
        (Ok(()), Ok(event)) => {
            let deadline = InvocationContext::system().now().plus(TIMEOUT).as_millis();
            let headers = [
                ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".into()),
                ("lambda-runtime-deadline-ms", deadline.to_string()),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:us-east-1:000000000000:function:bench".into(),
                ),
                ("content-type", "application/json".into()),
            ];
            (headers, event).into_response()
        }
        (Ok(()) | Err(_), Ok(_) | Err(_)) => StatusCode::GONE.into_response(),
    }
}

async fn respond(State(desk): State<Desk>, body: Bytes) -> StatusCode {
    tell(&desk, Ok(body))
}

async fn refuse(State(desk): State<Desk>, body: Bytes) -> StatusCode {
    tell(&desk, Err(body))
}

fn tell(desk: &Desk, said: Result<Bytes, Bytes>) -> StatusCode {
    match desk.reported.send(Reported { at: Instant::now(), said }) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::GONE,
    }
}
