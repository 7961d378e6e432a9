//! A scheduled run through lists that may be longer than one run.
//!
//! A run goes through its lists in their order. If the last one did not come to their end, it first
//! goes from there to the end, and then through all of them. Its position is stored behind each page
//! before that page is worked on. So whatever a page does, be it that it takes all the time or ends
//! the process, the next run begins with those behind it, and comes to that page again later. What
//! cannot be done stays in its list, and nothing else waits for it.

use runtime::{Metrics, Task, TaskError};
use store::{IndexPage, IndexPosition, RunPosition, Store, StoreError};
use tracing::{error, info, warn};

/// The time of a run was up before the end of its lists.
#[derive(Debug, thiserror::Error)]
#[error("the time of the run is up, the next one continues with {0}")]
struct Unfinished(String);

domain::domain_error!(Unfinished => Unavailable, "run_unfinished");

/// A part of a list that a run goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leg {
    /// The list.
    pub(crate) list: &'static str,
    /// Where in it to begin; `None` at its beginning.
    pub(crate) after: Option<String>,
    then: &'static str,
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
        Ok((Walk { store, task, function, stored, unreadable: 0, is_unfinished: false }, legs))
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
                    self.store_at(leg.list, here).await?;
                    return Err(error);
                }
            }
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
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
            self.store_at(leg.list, after).await?;
            self.is_unfinished = true;
        }
        Ok(self.is_unfinished)
    }

    /// Stores that the page before `next` is being worked on; `None` if it is the last of its list.
    pub(crate) async fn leave(
        &mut self,
        leg: &Leg,
        next: Option<String>,
    ) -> Result<(), StoreError> {
        match next {
            Some(_) => self.store_at(leg.list, next).await,
            None => self.store_at(leg.then, None).await,
        }
    }

    async fn store_at(&mut self, list: &str, after: Option<String>) -> Result<(), StoreError> {
        let position = RunPosition { list: list.to_owned(), after };
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
        if self.unreadable > 0 {
            Metrics::new().count("RunFailures", self.unreadable).emit();
        }
        match self.stored {
            Some(RunPosition { list, .. }) if self.is_unfinished => {
                warn!(list, "the time of the run is up, the next one continues with this list");
                Err(Unfinished(list).into())
            }
            Some(_) => Ok(self.store.set_run_position(self.function, None).await?),
            None => Ok(()),
        }
    }
}

/// The lists from a position on, and then all of them. A list that this version of the code does not
/// know is no position.
fn legs(lists: &[&'static str], from: Option<&RunPosition>) -> Vec<Leg> {
    let next = |place: usize| lists[(place + 1) % lists.len()];
    let whole = |place: usize| Leg { list: lists[place], after: None, then: next(place) };
    let all = (0..lists.len()).map(whole);
    let found = from.and_then(|from| Some((lists.iter().position(|it| *it == from.list)?, from)));
    match found {
        Some((first, from)) if first > 0 || from.after.is_some() => {
            let mut rest: Vec<Leg> = (first..lists.len()).map(whole).collect();
            rest[0].after.clone_from(&from.after);
            rest.into_iter().chain(all).collect()
        }
        Some(_) | None => all.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_first_finishes_the_last_one() {
        let check = |from: Option<(&str, Option<&str>)>, expected: &str| {
            let from = from.map(|(list, after)| RunPosition {
                list: list.to_owned(),
                after: after.map(str::to_owned),
            });
            let legs = legs(&["a", "b", "c"], from.as_ref());
            let show = |leg: &Leg| format!("{}{}", leg.list, leg.after.as_deref().unwrap_or(""));
            assert_eq!(legs.iter().map(show).collect::<Vec<_>>().join(" "), expected);
        };
        check(None, "a b c");
        check(Some(("a", None)), "a b c");
        check(Some(("a", Some("7"))), "a7 b c a b c");
        check(Some(("b", None)), "b c a b c");
        check(Some(("b", Some("7"))), "b7 c a b c");
        check(Some(("removed", Some("7"))), "a b c");
    }
}
