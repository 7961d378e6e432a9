//! `GET /api/v1/generations`: the member's generations, newest first.
//!
//! `status` may name several (`status=succeeded,failed`); `from` and `to` are UTC days of the
//! request, both included; `favourite=true` shows only marked images, `false` only the others. There
//! is no total: DynamoDB would read all of a member's items to count them. `next_cursor` says
//! whether there is more. A status or a mark that changed in the last second may not be listed yet.
//!
//! Access: any member, for their own.
//! Changes: nothing.

use clients::ImageLinks;
use domain::{generation::Status, time::Day};
use runtime::{Access, ApiError, Call, Connect, Endpoint, Function, Json};
use serde::Deserialize;
use store::{Cursor, JobFilter, Page, PageSize, Store};

use crate::view::JobView;

pub const ENDPOINT: Endpoint =
    Endpoint::get("generation-list-generations", "/api/v1/generations", Access::Member);

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Only these statuses.
    #[serde(default)]
    status: Vec<Status>,
    /// The first UTC day on which they were requested.
    from: Option<Day>,
    /// The last UTC day on which they were requested.
    to: Option<Day>,
    /// Only favourites, or only the others.
    favourite: Option<bool>,
    #[serde(default)]
    limit: PageSize,
    cursor: Option<Cursor>,
}

/// The function of this endpoint.
pub fn function() -> Function {
    Function::http(ENDPOINT, handle)
}

#[derive(Connect)]
struct Deps {
    store: Store,
    images: ImageLinks,
}

async fn handle(
    Deps { store, images }: &Deps,
    call: Call<Request>,
) -> Result<Json<Page<JobView>>, ApiError> {
    let (user, request) = (&call.member()?.user_id, &call.body);
    let (filter, cursor) = (request.filter(), request.cursor.clone());
    let Page { items: jobs, next_cursor } =
        store.jobs(user, &filter, request.limit, cursor, call.now).await?;
    let inputs = store.inputs(user, &jobs).await?;
    let mut items = Vec::with_capacity(jobs.len());
    for (job, input) in jobs.into_iter().zip(inputs) {
        let view = JobView::linked(job, &call.links, images, call.now).await?;
        items.push(input.iter().fold(view, JobView::described));
    }
    Ok(Json(Page { items, next_cursor }))
}

impl Request {
    fn filter(&self) -> JobFilter {
        JobFilter {
            statuses: self.status.clone(),
            from: self.from.map(|day| day.period().starts_at),
            before: self.to.map(|day| day.period().ends_at),
            favourite: self.favourite,
        }
    }
}
