//! A scheduled run through lists that may be longer than one run.
//!
//! A run goes through its lists in their order. If the last one stopped before their end, it first
//! goes from there to the end. Its position is stored behind each page before that page is worked
//! on. So whatever a page does, be it that it takes all the time or ends the process, the next run
//! begins with those behind it. It then goes through all lists once more, and comes to that page
//! again; after a run that stopped because its time was up, which leaves nothing behind, it does
//! not. What cannot be done stays in its list, and nothing else waits for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use runtime::{Metrics, Task, TaskError};
use store::{IndexPage, IndexPosition, RunPosition, Store, StoreError};
use tracing::{error, info, warn};

/// The time of a run was up before the end of its lists.
#[derive(Debug, thiserror::Error)]
#[error("the time of the run is up, the next one continues with {0}")]
pub(crate) struct Unfinished(pub(crate) String);

domain::domain_error!(Unfinished => Unavailable, "run_unfinished");

/// A part of a list that a run goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leg {
    /// The list.
    pub(crate) list: &'static str,
    /// Where in it to begin; `None` at its beginning.
    pub(crate) after: Option<String>,
    then: &'static str,
    /// Whether all lists come once more after it.
    again: bool,
}

/// The shards of a list, at most eight, as lists.
pub(crate) fn shards(count: u8) -> &'static [&'static str] {
    &["0", "1", "2", "3", "4", "5", "6", "7"][..usize::from(count)]
}

impl Leg {
    /// The shard that the list is.
    pub(crate) fn shard(&self) -> u8 {
        self.list.parse().unwrap_or_default()
    }
}

/// A run of a function through its lists.
pub(crate) struct Walk<'a> {
    store: &'a Store,
    task: &'a Task,
    function: &'static str,
    stored: Option<RunPosition>,
    unreadable: u64,
    is_unfinished: bool,
    /// Whether this run leaves something behind.
    is_owed: bool,
}

/// What a page has of one creator, member or event, and its work.
struct Landed<K, R> {
    key: K,
    page: usize,
    /// `None` if it was stopped, because the time was up.
    done: Option<Result<(), R>>,
}

/// The work that is under way.
struct Flight<K, F> {
    flying: FuturesUnordered<F>,
    /// Whose work it is: no two pieces are of the same.
    busy: BTreeSet<K>,
    /// The pages that it belongs to: where each begins, and how much of it is left.
    pages: BTreeMap<usize, (Option<String>, usize)>,
    /// Whether some was stopped.
    is_cut: bool,
}

impl<K, R, F> Flight<K, F>
where
    K: Ord + Clone,
    F: Future<Output = Landed<K, R>>,
{
    fn new() -> Flight<K, F> {
        Flight {
            flying: FuturesUnordered::new(),
            busy: BTreeSet::new(),
            pages: BTreeMap::new(),
            is_cut: false,
        }
    }

    fn begin(&mut self, key: &K, work: F) {
        self.busy.insert(key.clone());
        self.flying.push(work);
    }

    /// Waits until one ends; `false` if none is under way.
    async fn land(&mut self) -> Result<bool, R> {
        let Some(Landed { key, page, done }) = self.flying.next().await else { return Ok(false) };
        self.busy.remove(&key);
        match done {
            Some(done) => done?,
            None => self.is_cut = true,
        }
        let left = self.pages.get_mut(&page).map(|(_, left)| {
            *left = left.saturating_sub(1);
            *left
        });
        if left == Some(0) {
            self.pages.remove(&page);
        }
        Ok(true)
    }

    /// Where the oldest page begins of which something is left.
    fn oldest(&self) -> Option<Option<String>> {
        self.pages.values().next().map(|(begin, _)| begin.clone())
    }
}

impl<'a> Walk<'a> {
    /// Begins a run through `lists`. Returns it with its legs, in their order.
    pub(crate) async fn begin(
        (store, task): (&'a Store, &'a Task),
        function: &'static str,
        lists: &[&'static str],
    ) -> Result<(Walk<'a>, Vec<Leg>), StoreError> {
        let stored = store.run_position(function).await?;
        if let Some(RunPosition { list, .. }) = &stored {
            info!(list, "the last run did not come to its end, continuing with this list");
        }
        let legs = legs(lists, stored.as_ref());
        let (is_unfinished, is_owed) = (false, false);
        Ok((Walk { store, task, function, stored, unreadable: 0, is_unfinished, is_owed }, legs))
    }

    /// Works on the pages of a leg, as long as there is time.
    ///
    /// # Errors
    /// When a page cannot be read, and what `work` returns; the next run begins with that page.
    pub(crate) async fn pages<T, R: From<StoreError>>(
        &mut self,
        leg: &Leg,
        page: impl AsyncFn(Option<&IndexPosition>) -> Result<IndexPage<T>, StoreError>,
        mut work: impl AsyncFnMut(Vec<T>) -> Result<(), R>,
    ) -> Result<(), R> {
        let mut after: Option<IndexPosition> = leg.after.as_deref().map(str::parse).transpose()?;
        loop {
            let here = after.as_ref().map(ToString::to_string);
            if self.is_time_up(leg, here.clone()).await? {
                return Ok(());
            }
            let IndexPage { items, unreadable, next } = page(after.as_ref()).await?;
            self.count_unreadable(&unreadable);
            if !items.is_empty() {
                self.leave(leg, next.as_ref().map(ToString::to_string)).await?;
                if let Err(error) = work(items).await {
                    self.store_at(leg.list, here, leg.again).await?;
                    return Err(error);
                }
            }
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }

    /// Works on the items of a leg, as long as there is time: on so many keys `at_once`, with all
    /// that a page has of a key, and never twice at once on the same. One that takes long delays no
    /// other. What is still under way when the run must stop is dropped, and comes again with the
    /// next run.
    ///
    /// # Errors
    /// When a page cannot be read, and what `work` returns: the rest is dropped, and the next run
    /// begins with the oldest page of which something is left.
    pub(crate) async fn each<K: Ord + Clone, T, R: From<StoreError>>(
        &mut self,
        leg: &Leg,
        at_once: usize,
        page: impl AsyncFn(Option<&IndexPosition>) -> Result<IndexPage<(K, T)>, StoreError>,
        work: impl AsyncFn(K, Vec<T>) -> Result<(), R>,
    ) -> Result<(), R> {
        if self.is_unfinished {
            return Ok(());
        }
        let work = &work;
        let fly = |key: K, page: usize, items: Vec<T>, left: Option<Duration>| async move {
            let work = work(key.clone(), items);
            let done = match left {
                Some(left) => tokio::time::timeout(left, work).await.ok(),
                None => Some(work.await),
            };
            Landed { key, page, done }
        };
        let mut flight: Flight<K, _> = Flight::new();
        let flown = async {
            let mut after: Option<IndexPosition> =
                leg.after.as_deref().map(str::parse).transpose()?;
            let mut number = 0;
            let paused = 'pages: loop {
                let here = after.as_ref().map(ToString::to_string);
                if self.task.is_ending() {
                    break Some(here);
                }
                let IndexPage { items, unreadable, next } = page(after.as_ref()).await?;
                self.count_unreadable(&unreadable);
                if !items.is_empty() {
                    self.leave(leg, next.as_ref().map(ToString::to_string)).await?;
                    let groups = by_key(items);
                    flight.pages.insert(number, (here.clone(), groups.len()));
                    for (key, items) in groups {
                        while flight.flying.len() >= at_once || flight.busy.contains(&key) {
                            flight.land().await?;
                        }
                        if self.task.is_ending() {
                            break 'pages Some(here);
                        }
                        flight.begin(&key.clone(), fly(key, number, items, self.task.time_left()));
                    }
                }
                if next.is_none() {
                    break None;
                }
                (after, number) = (next, number + 1);
            };
            while flight.land().await? {}
            Ok::<_, R>(paused)
        };
        let flown: Result<Option<Option<String>>, R> = flown.await;
        self.is_owed |= flight.is_cut;
        match flown {
            Ok(None) if !flight.is_cut => Ok(()),
            Ok(paused) => {
                if flight.is_cut {
                    warn!(
                        list = leg.list,
                        "work stopped as the time was up, the next run resumes it"
                    );
                }
                let (list, after) = paused.map_or((leg.then, None), |here| (leg.list, here));
                self.store_at(list, after, leg.again).await?;
                self.is_unfinished = true;
                Ok(())
            }
            Err(error) => {
                if let Some(begin) = flight.oldest() {
                    self.store_at(leg.list, begin, leg.again).await?;
                }
                Err(error)
            }
        }
    }

    /// Notes that a list was left before its end: if the time is up before all others are done, the
    /// next run goes through all of them.
    pub(crate) fn leave_behind(&mut self) {
        self.is_owed = true;
    }

    /// Logs and counts items that cannot be read. They are passed over.
    pub(crate) fn count_unreadable(&mut self, keys: &[String]) {
        for key in keys {
            error!(key, "item cannot be read, the run continues without it");
            self.unreadable += 1;
        }
    }

    /// Whether the run must end. Then the next one begins in this list, behind `after`.
    pub(crate) async fn is_time_up(
        &mut self,
        leg: &Leg,
        after: Option<String>,
    ) -> Result<bool, StoreError> {
        if !self.is_unfinished && self.task.is_ending() {
            self.store_at(leg.list, after, leg.again).await?;
            self.is_unfinished = true;
        }
        Ok(self.is_unfinished)
    }

    /// What `work` returns; `None` if it was stopped because the run must stop. Then the next run
    /// begins where this leg does.
    pub(crate) async fn within<T>(
        &mut self,
        leg: &Leg,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, StoreError> {
        let done = match self.task.time_left() {
            Some(left) => tokio::time::timeout(left, work).await.ok(),
            None => Some(work.await),
        };
        if done.is_none() {
            self.store_at(leg.list, leg.after.clone(), leg.again).await?;
            self.is_unfinished = true;
        }
        Ok(done)
    }

    /// Stores that the page before `next` is being worked on; `None` if it is the last of its list.
    pub(crate) async fn leave(
        &mut self,
        leg: &Leg,
        next: Option<String>,
    ) -> Result<(), StoreError> {
        match next {
            Some(_) => self.store_at(leg.list, next, true).await,
            None => self.store_at(leg.then, None, true).await,
        }
    }

    async fn store_at(
        &mut self,
        list: &str,
        after: Option<String>,
        again: bool,
    ) -> Result<(), StoreError> {
        let again = again || self.is_owed;
        let position = RunPosition { list: list.to_owned(), after, again };
        if self.stored.as_ref() != Some(&position) {
            self.store.set_run_position(self.function, Some(&position)).await?;
            self.stored = Some(position);
        }
        Ok(())
    }

    /// Ends the run. One whose time was up fails, so that it is repeated and an alarm says so.
    ///
    /// # Errors
    /// When the run is unfinished, or DynamoDB is unavailable.
    pub(crate) async fn end(self) -> Result<(), TaskError> {
        match self.close().await? {
            Some(list) => {
                warn!(list, "the time of the run is up, the next one continues with this list");
                Err(Unfinished(list).into())
            }
            None => Ok(()),
        }
    }

    /// Ends the run. Returns the list that the next one continues with, if the time was up.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub(crate) async fn close(self) -> Result<Option<String>, StoreError> {
        if self.unreadable > 0 {
            Metrics::new().count("RunFailures", self.unreadable).emit();
        }
        match self.stored {
            Some(RunPosition { list, .. }) if self.is_unfinished => Ok(Some(list)),
            Some(_) => self.store.set_run_position(self.function, None).await.map(|()| None),
            None => Ok(None),
        }
    }
}

/// What a page has of each key.
fn by_key<K: Ord, T>(items: Vec<(K, T)>) -> BTreeMap<K, Vec<T>> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for (key, item) in items {
        groups.entry(key).or_default().push(item);
    }
    groups
}

/// The lists from a position on, and then all of them if something may be left behind. A list that
/// this version of the code does not know is no position.
fn legs(lists: &[&'static str], from: Option<&RunPosition>) -> Vec<Leg> {
    let next = |place: usize| lists[(place + 1) % lists.len()];
    let whole =
        |place: usize| Leg { list: lists[place], after: None, then: next(place), again: false };
    let all = (0..lists.len()).map(whole);
    let found = from.and_then(|from| Some((lists.iter().position(|it| *it == from.list)?, from)));
    match found {
        Some((first, from)) if first > 0 || from.after.is_some() => {
            let mut rest: Vec<Leg> = (first..lists.len()).map(whole).collect();
            rest.iter_mut().for_each(|leg| leg.again = from.again);
            rest[0].after.clone_from(&from.after);
            rest.into_iter().chain(all.filter(|_| from.again)).collect()
        }
        Some(_) | None => all.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_first_finishes_the_last_one() {
        let check = |from: Option<(&str, Option<&str>, bool)>, expected: &str| {
            let from = from.map(|(list, after, again)| RunPosition {
                list: list.to_owned(),
                after: after.map(str::to_owned),
                again,
            });
            let legs = legs(&["a", "b", "c"], from.as_ref());
            let show = |leg: &Leg| {
                let again = if leg.again { "+" } else { "" };
                format!("{}{}{again}", leg.list, leg.after.as_deref().unwrap_or(""))
            };
            assert_eq!(legs.iter().map(show).collect::<Vec<_>>().join(" "), expected);
        };
        check(None, "a b c");
        check(Some(("a", None, true)), "a b c");
        check(Some(("a", None, false)), "a b c");
        // It stopped in the middle of a page.
        check(Some(("a", Some("7"), true)), "a7+ b+ c+ a b c");
        check(Some(("b", None, true)), "b+ c+ a b c");
        check(Some(("b", Some("7"), true)), "b7+ c+ a b c");
        // Its time was up.
        check(Some(("a", Some("7"), false)), "a7 b c");
        check(Some(("b", None, false)), "b c");
        check(Some(("removed", Some("7"), true)), "a b c");
    }

    #[test]
    fn a_position_of_an_earlier_version_leaves_nothing_out() {
        let stored = serde_json::json!({ "list": "b", "after": "7" });
        let position: RunPosition = serde_json::from_value(stored).unwrap();
        assert!(position.again);
    }
}
