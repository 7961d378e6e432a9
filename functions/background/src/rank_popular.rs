//! `background-rank-popular`: every minute, adds up visits and writes what is popular.
//!
//! Each category has an index of its listings by heat, which never has to be written again because
//! time has passed; so this reads the hottest of each category and walks no table. A list that
//! could not be made stays the one of a minute ago. Running twice or late does no harm: a tally of
//! visits is deleted in the write that adds it, and a list is made of what is there. A tally that
//! cannot be added up is logged and counted, and the lists are made all the same.

use std::{iter, process::ExitCode};

use domain::{
    Timestamp,
    marketplace::{Category, card::Card, listing_stats::ListingStats},
};
use futures_util::future::try_join_all;
use runtime::{Metrics, Task, TaskError, Worker};
use store::{Popular, Store};

use crate::run::Run;

pub const WORKER: Worker = Worker::new("background-rank-popular");

/// Listings of a list.
const SHOWN: usize = 20;
/// Listings of a category that are looked at: rating may lift one that is not quite as hot.
const LOOKED_AT: u16 = 40;
/// Most rounds of adding up in one run; what is left comes a minute later.
const ROUNDS_MAX: u32 = 20;

/// The whole of its process.
pub fn serve() -> ExitCode {
    runtime::schedule(WORKER, handle)
}

pub async fn handle(store: &Store, task: Task) -> Result<(), TaskError> {
    let (mut views, mut run) = (0, Run::default());
    for _ in 0..ROUNDS_MAX {
        match run.take("tally", &"views", store.add_views(task.now).await) {
            Some(None) | None => break,
            Some(Some(added)) => views += added,
        }
    }
    let hottest = Category::ALL.map(|category| store.hottest(category, LOOKED_AT));
    let hottest = try_join_all(hottest).await?;
    let all = hottest.iter().flatten().cloned().collect();
    let by_category = Category::ALL.into_iter().map(Some).zip(hottest);
    let lists = iter::once((None, all)).chain(by_category);
    try_join_all(
        lists.map(async |(category, found)| {
            store.set_popular(category, &shown(found, task.now)).await
        }),
    )
    .await?;
    Metrics::at(task.now).count("ListingViews", views).emit();
    run.end(task.now)
}

/// The most popular first; of equals, the newest.
fn shown(mut found: Vec<(Card, ListingStats)>, as_of: Timestamp) -> Popular {
    found.sort_by(|(one, a), (other, b)| {
        let by_popularity = b.popularity().total_cmp(&a.popularity());
        by_popularity.then_with(|| other.id.cmp(&one.id))
    });
    found.truncate(SHOWN);
    Popular { items: found.into_iter().map(|(card, _)| card).collect(), as_of }
}
