//! `background-rank-popular`: every minute, adds up views and writes the popular lists.
//!
//! Each category has an index of its listings by trending score, which needs no rewriting as time
//! passes; so this reads the top of each index and never scans the table. If a list cannot be
//! written, the previous one stays. Repeated and late runs are safe: a view count is deleted in the
//! write that adds it, and a list is computed from current data. A view count that cannot be added
//! is logged and counted, and the lists are written all the same.

use std::iter;

use domain::{
    Timestamp,
    marketplace::{Category, community::listing_stats::ListingStats, listing::card::Card},
};
use futures_util::future::try_join_all;
use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::{Popular, Store};

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-rank-popular");

/// Listings in a list.
const SHOWN: usize = 20;
/// Candidates per category: a good rating may lift a listing with a lower trending score.
const LOOKED_AT: u16 = 40;
/// Most rounds of adding up in one run; the rest follow a minute later.
const ROUNDS_MAX: u32 = 20;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut views, mut run) = (0, Run::default());
    for _ in 0..ROUNDS_MAX {
        match run.take("tally", &"views", store.add_views(task.now).await) {
            Some(None) | None => break,
            Some(Some(added)) => views += added,
        }
    }
    let hottest = Category::ALL.iter().map(|category| store.hottest(*category, LOOKED_AT));
    let hottest = try_join_all(hottest).await?;
    let all = hottest.iter().flatten().cloned().collect();
    let by_category = Category::ALL.iter().copied().map(Some).zip(hottest);
    let lists = iter::once((None, all)).chain(by_category);
    try_join_all(
        lists.map(async |(category, found)| {
            store.set_popular(category, &shown(found, task.now)).await
        }),
    )
    .await?;
    Metrics::new().count("ListingViews", views).emit();
    run.end()
}

/// The most popular first; among equals, the newest.
fn shown(mut found: Vec<(Card, ListingStats)>, as_of: Timestamp) -> Popular {
    found.sort_by(|(one, a), (other, b)| {
        let by_popularity = b.popularity().total_cmp(&a.popularity());
        by_popularity.then_with(|| other.id.cmp(&one.id))
    });
    found.truncate(SHOWN);
    Popular { items: found.into_iter().map(|(card, _)| card).collect(), as_of }
}
