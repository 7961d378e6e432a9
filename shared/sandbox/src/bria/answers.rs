//! The provider's endpoints: submissions, sync or async, and statuses.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::json;
use tokio::time::sleep_until;

use super::{
    Refused,
    jobs::{Job, Report},
    request::Asked,
    results, webhook,
};
use crate::{
    app_state::{AppState, locked},
    faults::{OutcomeFault, WebhookFault},
    route::{BRIA_PATH, ELSEWHERE_PATH, RESULTS_PATH, Route},
};

type Shared = State<Arc<AppState>>;

pub(crate) fn router() -> Router<Arc<AppState>> {
    let api = Router::new()
        .route("/image/generate", post(generate))
        .route("/image/generate/lite", post(generate_lite))
        .route("/image/generate/tailored", post(generate_tailored))
        .route("/structured_prompt/generate", post(structure))
        .route("/structured_prompt/generate/lite", post(structure_lite))
        .route("/status/{request_id}", get(status));
    Router::new()
        .nest(BRIA_PATH, api)
        .route(&format!("{RESULTS_PATH}/{{file}}"), get(results::fetch))
        .route(&format!("{ELSEWHERE_PATH}/{{file}}"), get(results::fetch_elsewhere))
}

async fn generate(State(app): Shared, headers: HeaderMap, body: Bytes) -> Response {
    submit(app, Route::Generate, headers, body).await.into_response()
}

async fn generate_lite(State(app): Shared, headers: HeaderMap, body: Bytes) -> Response {
    submit(app, Route::GenerateLite, headers, body).await.into_response()
}

async fn generate_tailored(State(app): Shared, headers: HeaderMap, body: Bytes) -> Response {
    submit(app, Route::GenerateTailored, headers, body).await.into_response()
}

async fn structure(State(app): Shared, headers: HeaderMap, body: Bytes) -> Response {
    submit(app, Route::Structure, headers, body).await.into_response()
}

async fn structure_lite(State(app): Shared, headers: HeaderMap, body: Bytes) -> Response {
    submit(app, Route::StructureLite, headers, body).await.into_response()
}

/// A job's status: 200 for any outcome, 404 if the job is unknown or expired.
async fn status(
    State(app): Shared,
    headers: HeaderMap,
    Path(request_id): Path<String>,
) -> Result<Json<Report>, Refused> {
    app.bria.admit(Route::Status, &headers)?;
    app.bria
        .job(&request_id)
        .and_then(|job| job.report(&app.results_origin, Instant::now()))
        .map(Json)
        .ok_or_else(|| Refused::not_found("no such request_id, or it has expired"))
}

/// Accepts a job. From here on it exists, even if the caller does not receive the answer.
async fn submit(
    app: Arc<AppState>,
    route: Route,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let settings = app.bria.admit(route, &headers)?;
    let asked = Asked::read(route, &body)?;
    let text = String::from_utf8_lossy(&body);
    let sync = asked.sync;
    let picture_fault = asked.canvas.and_then(|_| app.faults.picture(route, &text));
    let webhook_fault = asked.webhook_url.as_ref().and_then(|_| app.faults.webhook(route, &text));
    let outcome = app.faults.outcome(route, &text);
    let usual = match webhook_fault {
        Some(WebhookFault::Early) => Duration::ZERO,
        Some(_) | None => Duration::from_millis(settings.completes_after_ms),
    };
    let now = Instant::now();
    let job = Arc::new(Job::new(asked, &body, now, usual, outcome.as_ref(), picture_fault));
    locked(&app.bria.jobs).insert(Arc::clone(&job));

    let announcement = webhook::announce(Arc::clone(&app), Arc::clone(&job), webhook_fault.clone());
    match webhook_fault {
        Some(WebhookFault::Early) => announcement.await,
        Some(_) | None => app.go_on_with(announcement),
    }
    if sync { answer_at_end(&app, &job, outcome.as_ref()).await } else { Ok(promise(&app, &job)) }
}

/// Answer to an async submission.
fn promise(app: &AppState, job: &Job) -> Response {
    let status_url = format!("{}{BRIA_PATH}/status/{}", app.url, job.id);
    let body = json!({ "request_id": job.id, "status_url": status_url });
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// Answer to a sync submission: the result or an error.
async fn answer_at_end(
    app: &AppState,
    job: &Job,
    outcome: Option<&OutcomeFault>,
) -> Result<Response, Refused> {
    let Some(ends_at) = job.ends_at else {
        return std::future::pending().await;
    };
    sleep_until(ends_at.into()).await;
    match (job.report(&app.results_origin, ends_at).and_then(|report| report.result), outcome) {
        (Some(result), _) => {
            Ok(Json(json!({ "request_id": job.id, "result": result })).into_response())
        }
        (None, Some(OutcomeFault::Error { code: Some(422) })) => Err(Refused::blocked()),
        (None, _) => Err(Refused::server_error()),
    }
}
