//! `background-rank-popular`: every ten minutes, adds up views and writes the popular lists.
//!
//! The views of a listing are added in one write, however many visitors it had, so that its place
//! in the index by trending score moves once a run. Each category has such an index, which needs no
//! rewriting as time passes; so this reads the top of each index and never scans the table. If a
//! list cannot be written, the previous one stays. Repeated and late runs are safe: the write that
//! adds views states which are counted, and a list is computed from current data. Views that cannot
//! be added are logged and counted, and hide no others; the lists are written all the same.

use std::iter;

use domain::{
    Timestamp,
    marketplace::{Category, community::listing_stats::ListingStats, listing::card::Card},
};
use futures_util::future::try_join_all;
use runtime::{Function, Metrics, Task, TaskError, Worker};
use store::{Popular, Store, StoreError};

use crate::{
    run::Run,
    walk::{Leg, Walk},
};

pub const WORKER: Worker = Worker::new("background-rank-popular");

/// Listings in a list.
const SHOWN: usize = 20;
/// Candidates per category: a good rating may lift a listing with a lower trending score.
const LOOKED_AT: u16 = 40;

/// The function of this worker.
pub fn function() -> Function {
    Function::schedule(WORKER, handle)
}

async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let mut run = Run::default();
    let (mut walk, legs) = Walk::begin((store, &task), WORKER.name, &["views"]).await?;
    for leg in &legs {
        add_views(store, task.now, (&mut walk, leg), &mut run).await?;
    }
    let hottest = Category::ALL.iter().map(|category| store.hottest(*category, LOOKED_AT));
    let hottest = try_join_all(hottest).await?;
    hottest.iter().for_each(|found| run.pass_over("listing", &found.unreadable));
    let hottest: Vec<_> = hottest.into_iter().map(|found| found.items).collect();
    let all = hottest.iter().flatten().cloned().collect();
    let by_category = Category::ALL.iter().copied().map(Some).zip(hottest);
    let lists = iter::once((None, all)).chain(by_category);
    try_join_all(
        lists.map(async |(category, found)| {
            store.set_popular(category, &shown(found, task.now)).await
        }),
    )
    .await?;
    run.end_walk(walk).await
}

/// Adds up all views that wait, a page at a time. A run always begins with the oldest: what the last
/// one added is gone, or is not added again.
async fn add_views(
    store: &Store,
    now: Timestamp,
    (walk, leg): (&mut Walk<'_>, &Leg),
    run: &mut Run,
) -> Result<(), StoreError> {
    let mut views = 0;
    let mut after: Option<String> = None;
    while !walk.is_time_up(leg, None).await? {
        let mut waiting = store.waiting_views(now, after.as_deref()).await?;
        run.pass_over("tally", &waiting.unreadable);
        while !waiting.is_added() && !walk.is_time_up(leg, None).await? {
            let added = store.add_views(&mut waiting).await?;
            views += added.views;
            for (listing, failure) in added.failed {
                run.take("views of a listing", &listing, Err::<(), _>(failure));
            }
        }
        if !waiting.is_added() {
            break;
        }
        after = store.remove_views(waiting, now).await?;
        if after.is_none() {
            break;
        }
    }
    Metrics::new().count("ListingViews", views).emit();
    Ok(())
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
