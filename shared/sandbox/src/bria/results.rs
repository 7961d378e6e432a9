//! Finished pictures at their own URLs, and what a fault serves instead.

use std::{io, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use futures_util::stream;

use super::{
    Refused,
    jobs::Job,
    pictures::{BOMB, Drawing},
    request::Canvas,
};
use crate::{
    app_state::AppState, fault_middleware::ERROR_PAGE, faults::PictureFault, request_log,
    route::ELSEWHERE_PATH,
};

/// Number of chunks of a picture that is too large: one more than 32 MiB.
const HUGE_CHUNKS: usize = 32 * 16 + 1;
static CHUNK: [u8; 64 * 1024] = [0; 64 * 1024];

/// `GET /bria/results/{file}`: the picture, or what a fault puts in its place.
pub(super) async fn fetch(
    State(app): State<Arc<AppState>>,
    headers: HeaderMap,
    Path(file): Path<String>,
) -> Result<Response, Refused> {
    let leaked = request_log::present(&headers);
    if !leaked.is_empty() {
        tracing::error!(?leaked, "credential sent to a result URL, request refused");
        return Err(Refused::invalid("a result's address takes no credentials"));
    }
    let (job, canvas) = finished(&app, &file)?;
    match job.picture_fault {
        None => intact(&app, &job, canvas).await,
        Some(PictureFault::Huge) => Ok(huge()),
        Some(PictureFault::Truncated) => {
            let whole = draw(&app, &job, canvas).await?;
            Ok((typed("image/png"), whole.slice(..whole.len() / 2)).into_response())
        }
        Some(PictureFault::Bomb) => Ok((typed("image/png"), BOMB).into_response()),
        Some(PictureFault::HtmlPage) => Ok(ERROR_PAGE.into_response()),
        Some(PictureFault::Redirect) => {
            let elsewhere = format!("{}{ELSEWHERE_PATH}/{file}", app.url);
            Ok(Redirect::temporary(&elsewhere).into_response())
        }
        Some(PictureFault::Black) => {
            let black = canvas.black().map_err(|_| Refused::server_error())?;
            Ok((typed(canvas.format.media_type()), black).into_response())
        }
        Some(PictureFault::Gone) => Err(Refused::not_found("the address has expired")),
    }
}

/// `GET /bria/elsewhere/{file}`: the intact picture, for a client that follows the redirect.
pub(super) async fn fetch_elsewhere(
    State(app): State<Arc<AppState>>,
    Path(file): Path<String>,
) -> Result<Response, Refused> {
    let (job, canvas) = finished(&app, &file)?;
    intact(&app, &job, canvas).await
}

fn finished(app: &AppState, file: &str) -> Result<(Arc<Job>, Canvas), Refused> {
    let found = file.split_once('.').and_then(|(id, extension)| {
        let job = app.bria.job(id)?;
        let canvas = job.drawable(Instant::now())?;
        (canvas.format.extension() == extension).then_some((job, canvas))
    });
    found.ok_or_else(|| Refused::not_found("no such result"))
}

async fn intact(app: &AppState, job: &Job, canvas: Canvas) -> Result<Response, Refused> {
    let picture = draw(app, job, canvas).await?;
    Ok((typed(canvas.format.media_type()), picture).into_response())
}

async fn draw(app: &AppState, job: &Job, canvas: Canvas) -> Result<Bytes, Refused> {
    let drawing = Drawing { prompt: job.prompt.clone(), seed: job.seed, canvas };
    app.bria.queue.draw(&job.id, drawing).await.map_err(|error| {
        tracing::error!(%error, id = job.id, "drawing a picture failed, answering with an error");
        Refused::server_error()
    })
}

fn typed(media_type: &'static str) -> [(HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, media_type)]
}

/// Sent without `Content-Length`, so that the reader has to count.
fn huge() -> Response {
    let head = Bytes::from_static(BOMB);
    let rest = std::iter::repeat_n(Bytes::from_static(&CHUNK), HUGE_CHUNKS);
    let chunks = std::iter::once(head).chain(rest).map(Ok::<_, io::Error>);
    let body = Body::from_stream(stream::iter(chunks));
    (StatusCode::OK, typed("image/png"), body).into_response()
}
