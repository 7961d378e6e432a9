//! The facts of days that are over, added up again a page at a time, over as many runs as it takes.
//!
//! A page that is read is added to the sums of its day, and those of its facts that are in no
//! stored sum are counted. A run that does not end stores how far it has come together with the
//! sums, so no fact is added twice or left out, and what it found missing is known to the next. A
//! fact that is dated back and arrives behind that place counts as a difference. What a run has in
//! memory is one page and some hundred sums a day, whatever the number of facts.

use domain::{
    metrics::{Counters, Fact, Metrics, Span},
    time::Day,
};
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    keys::{FACT_SHARDS, Item, Key, SK, facts_pk, text},
    metrics::is_counted,
    table::{Store, decode},
};

/// The facts of some days, as far as they are added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recount {
    days: Vec<RecountedDay>,
    /// Whether the table has one, of this run or of an earlier one.
    #[serde(skip)]
    is_stored: bool,
}

/// A day of a recount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RecountedDay {
    day: Day,
    /// Where its facts continue; `None` once all are added up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<Place>,
    /// The sums of its facts.
    facts: Counters,
    /// The sums of those facts that the recount itself had counted.
    missed: Counters,
}

/// A place between the facts of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    shard: u8,
    /// The last fact before it; `None` at the beginning of the shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl Recount {
    /// A recount of these days, of which nothing is added up.
    fn of(span: Span) -> Recount {
        let day = |day| RecountedDay {
            day,
            next: Some(Place { shard: 0, after: None }),
            facts: Counters::default(),
            missed: Counters::default(),
        };
        Recount { days: span.days().map(day).collect(), is_stored: false }
    }

    fn is_of(&self, span: Span) -> bool {
        self.days.iter().map(|it| it.day).eq(span.days())
    }

    /// Whether all facts are added up.
    pub fn is_done(&self) -> bool {
        self.days.iter().all(|it| it.next.is_none())
    }

    /// Whether facts were missing in the stored sums.
    pub fn has_missed(&self) -> bool {
        self.days.iter().any(|it| it.missed != Counters::default())
    }

    /// How many of the stored sums differed from the facts before the recount counted those that
    /// were missing. `numbers` were read after it was done.
    pub fn differing(&self, numbers: &Metrics) -> u64 {
        let differing = self.days.iter().map(|it| {
            let mut differ = it.facts.clone();
            differ.merge(&it.missed);
            if let Some(stored) = numbers.days.get(&it.day) {
                differ.take_off(stored);
            }
            differ.iter().count()
        });
        u64::try_from(differing.sum::<usize>()).unwrap_or(u64::MAX)
    }
}

impl RecountedDay {
    fn add(&mut self, counted: &[Fact], missed: &[Fact]) {
        let missed = Counters::fold(missed);
        self.facts.merge(&Counters::fold(counted));
        self.facts.merge(&missed);
        self.missed.merge(&missed);
    }
}

impl Place {
    /// The place behind `last`, the last fact of a page; that behind the shard if there is none.
    fn behind(self, last: Option<&str>) -> Option<Place> {
        match last {
            Some(last) => Some(Place { after: Some(last.to_owned()), ..self }),
            None => {
                let shard = self.shard + 1;
                (shard < FACT_SHARDS).then_some(Place { shard, after: None })
            }
        }
    }
}

impl Store {
    /// The recount of these days that an earlier run of `function` did not finish, or a new one: also
    /// if what is stored cannot be read, because another build wrote it (Q81).
    pub async fn recount(&self, function: &str, span: Span) -> Result<Recount, StoreError> {
        let (stored, is_stored) = match self.get::<Recount>(&Key::run_recount(function)).await {
            Ok(Some(stored)) => (Some(stored), true),
            Ok(None) => (None, false),
            Err(StoreError::Corrupt(_)) => (None, true),
            Err(error) => return Err(error),
        };
        let recount = stored.filter(|it| it.is_of(span)).unwrap_or_else(|| Recount::of(span));
        Ok(Recount { is_stored, ..recount })
    }

    /// Adds up the next page of facts, at most `most` and a megabyte, and counts those of them that
    /// are not counted (Q48, Q49).
    ///
    /// # Errors
    /// When DynamoDB is unavailable, or a fact cannot be read; the page is not added up then.
    pub async fn recount_page(&self, recount: &mut Recount, most: u16) -> Result<(), StoreError> {
        let next = recount.days.iter_mut().find_map(|it| Some((it.next.clone()?, it)));
        let Some((place, day)) = next else { return Ok(()) };
        let pk = facts_pk(day.day, place.shard);
        let start = place.after.clone().map(|sk| Key { pk: pk.clone(), sk }.item());
        let answer = self
            .partition(pk)
            .set_exclusive_start_key(start)
            .limit(i32::from(most))
            .consistent_read(true)
            .send()
            .await
            .map_err(StoreError::unavailable)?;
        let items = answer.items.unwrap_or_default();
        let (counted, missed): (Vec<Item>, Vec<Item>) = items.into_iter().partition(is_counted);
        let (counted, missed) = (facts(counted)?, facts(missed)?);
        self.count(&missed).await?;
        day.add(&counted, &missed);
        let last = answer.last_evaluated_key.as_ref().and_then(|key| text(key, SK));
        day.next = place.behind(last);
        Ok(())
    }

    /// Stores a recount, which the next run of `function` continues.
    pub async fn keep_recount(
        &self,
        function: &str,
        recount: &mut Recount,
    ) -> Result<(), StoreError> {
        self.set_or_delete(&Key::run_recount(function), Some(&*recount)).await?;
        recount.is_stored = true;
        Ok(())
    }

    /// Ends a recount: the next one begins anew.
    pub async fn end_recount(&self, function: &str, recount: Recount) -> Result<(), StoreError> {
        match recount.is_stored {
            true => self.set_or_delete::<Recount>(&Key::run_recount(function), None).await,
            false => Ok(()),
        }
    }
}

fn facts(items: Vec<Item>) -> Result<Vec<Fact>, StoreError> {
    items.into_iter().map(decode).collect()
}
