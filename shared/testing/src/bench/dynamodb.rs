//! AWS behind a socket, for processes of their own: the DynamoDB engine, an empty bucket that
//! accepts every upload, and one secret.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    serve::{Listener, ListenerExt},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::{BenchFailed, given::SIGNING_SECRET, tls::TlsListener};
use crate::engine::Engine;

/// A table served on loopback until this process ends.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Value of `AWS_ENDPOINT_URL`.
    pub(super) url: String,
    /// The same over TLS.
    pub(super) tls_url: String,
    desk: Desk,
}

#[derive(Debug, Clone)]
struct Desk {
    engine: Engine,
    /// Nanoseconds that the engine worked since they were last taken.
    busy: Arc<AtomicU64>,
}

impl Table {
    /// Serves `engine` on two free ports, with the certificate in the folder `tls` on one of them.
    pub(super) async fn serve(engine: Engine, tls: &Path) -> Result<Table, BenchFailed> {
        let failed = || BenchFailed::io("the table's socket");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed())?;
        let url = format!("http://{}", listener.local_addr().map_err(failed())?);
        // Without this, a response in two packets waits until the kernel acknowledges the first.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let tls = TlsListener::bind(tls).await?;
        let tls_url = format!("https://{}", tls.local_addr().map_err(failed())?);
        let desk = Desk { engine, busy: Arc::default() };
        let router = Router::new().fallback(answer).with_state(desk.clone());
        tokio::spawn(axum::serve(listener, router.clone()).into_future());
        tokio::spawn(axum::serve(tls, router).into_future());
        Ok(Table { url, tls_url, desk })
    }

    /// Time that the engine worked since the last call.
    pub(super) fn take_busy(&self) -> Duration {
        Duration::from_nanos(self.desk.busy.swap(0, Ordering::Relaxed))
    }
}

async fn answer(
    State(Desk { engine, busy }): State<Desk>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if target.is_none() {
        let status = if method == Method::PUT { StatusCode::OK } else { StatusCode::NOT_FOUND };
        return status.into_response();
    }
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    if operation == "GetSecretValue" {
        return secret();
    }
    let began = Instant::now();
    let (status, text) = engine.serve(operation, &body);
    let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    busy.fetch_add(took, Ordering::Relaxed);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.0")], text).into_response()
}

/// Every secret has what each of ours has.
fn secret() -> Response {
    let value = json!({ "api_key": "sk_test_bench", "signing_secret": SIGNING_SECRET });
    let answer = json!({ "ARN": "bench", "Name": "bench", "SecretString": value.to_string() });
    ([(CONTENT_TYPE, "application/x-amz-json-1.1")], answer.to_string()).into_response()
}
