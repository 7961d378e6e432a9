//! The work of a day that may take several runs.
//!
//! A schedule starts the function every few minutes of some hours. The first run of a day begins
//! its work, each further one continues where the last one stopped, and once a run comes to the end
//! of its lists, the others of that day do nothing. So a run whose time is up is no failure. A day
//! that is over before its work is done is one: the first run of the next day counts it
//! (`DaysUnfinished`, with an alarm) and continues. A run that a person starts does the work of the
//! day once more.

use domain::{Timestamp, time::DAY};
use runtime::{Metrics, Task, TaskError};
use store::{RunDay, RunPosition, Store, StoreError};
use tracing::{error, info};

use crate::walk::Walk;

/// A day whose work is to be done.
pub(crate) struct Day<'a> {
    store: &'a Store,
    function: &'static str,
    midnight: Timestamp,
}

/// What a run has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// Nothing: the work of its day is done, or another day's has begun.
    Nothing,
    /// To continue the work of its day.
    Continue,
    /// To begin the work of its day. That of this earlier day was never done.
    New(Option<Timestamp>),
}

impl<'a> Day<'a> {
    /// The day of a run, which is that of its event; `None` if there is nothing left to do.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub(crate) async fn begin(
        store: &'a Store,
        task: &Task,
        function: &'static str,
    ) -> Result<Option<Day<'a>>, StoreError> {
        let midnight = task.sent_at.min(task.now).floor_to(DAY);
        let begin = begin(store.run_day(function).await?, midnight, task.is_by_hand);
        if let Begin::New(Some(unfinished)) = begin {
            let day = unfinished.date();
            error!(day, "the work of this day was not done before the next one, continuing");
            Metrics::new().dimension("Worker", function).count("DaysUnfinished", 1).emit();
        }
        if begin == Begin::Nothing {
            info!("the work of the day is done");
            return Ok(None);
        }
        let is_new = matches!(begin, Begin::New(_));
        if is_new || task.is_by_hand {
            repeat_lists(store, function).await?;
        }
        if is_new {
            store.set_run_day(function, RunDay { midnight, is_done: false }).await?;
        }
        Ok(Some(Day { store, function, midnight }))
    }

    /// When it began.
    pub(crate) fn midnight(&self) -> Timestamp {
        self.midnight
    }

    /// Ends a run. The day is done if the run came to the end of its lists.
    ///
    /// # Errors
    /// When DynamoDB is unavailable.
    pub(crate) async fn end(self, walk: Walk<'_>) -> Result<(), TaskError> {
        match walk.close().await? {
            Some(list) => {
                info!(list, "the time of the run is up, one in some minutes continues this list");
            }
            None => {
                let done = RunDay { midnight: self.midnight, is_done: true };
                self.store.set_run_day(self.function, done).await?;
            }
        }
        Ok(())
    }
}

/// Has all lists come once more after the rest: what is before the position was done for an earlier
/// day, or before a person asked for all of it.
async fn repeat_lists(store: &Store, function: &str) -> Result<(), StoreError> {
    let Some(position) = store.run_position(function).await? else { return Ok(()) };
    let position = RunPosition { again: true, ..position };
    store.set_run_position(function, Some(&position)).await
}

fn begin(last: Option<RunDay>, midnight: Timestamp, is_by_hand: bool) -> Begin {
    match last {
        Some(last) if last.midnight > midnight => Begin::Nothing,
        Some(last) if last.midnight == midnight => match (last.is_done, is_by_hand) {
            (false, _) => Begin::Continue,
            (true, true) => Begin::New(None),
            (true, false) => Begin::Nothing,
        },
        Some(last) => Begin::New((!last.is_done).then_some(last.midnight)),
        None => Begin::New(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_is_over_before_its_work_is_done_is_counted_once() {
        let [yesterday, today, tomorrow] =
            [1, 2, 3].map(|day| Timestamp::from_secs(0).plus(DAY * day));
        let check = |last: Option<(Timestamp, bool)>, by_schedule: Begin, by_hand: Begin| {
            let last = last.map(|(midnight, is_done)| RunDay { midnight, is_done });
            assert_eq!(begin(last, today, false), by_schedule, "{last:?}");
            assert_eq!(begin(last, today, true), by_hand, "{last:?}");
        };
        check(None, Begin::New(None), Begin::New(None));
        check(Some((yesterday, true)), Begin::New(None), Begin::New(None));
        let unfinished = Begin::New(Some(yesterday));
        check(Some((yesterday, false)), unfinished, unfinished);
        check(Some((today, false)), Begin::Continue, Begin::Continue);
        check(Some((today, true)), Begin::Nothing, Begin::New(None));
        // An event of today that arrives tomorrow.
        check(Some((tomorrow, false)), Begin::Nothing, Begin::Nothing);
        check(Some((tomorrow, true)), Begin::Nothing, Begin::Nothing);
    }
}
