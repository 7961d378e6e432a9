//! Keys of staff metrics and reports.

use domain::{
    id::shard_in,
    metrics::Fact,
    time::{Day, Month},
};

use crate::metrics::Board;

use super::{IndexKey, Item, Key, SK, text};

const FACTS_PREFIX: &str = "FACTS#";
/// Facts and sums of a day are spread over this many keys, so that none is hot.
pub(crate) const FACT_SHARDS: u8 = 4;
/// The partition of reports.
pub(crate) const REPORTS: &str = "REPORTS";

impl Key {
    pub(crate) fn report(day: Day) -> Key {
        Key { pk: REPORTS.to_owned(), sk: day.to_string() }
    }

    pub(crate) fn fact(fact: &Fact) -> Key {
        Key { pk: facts_pk(fact.day(), shard_in(&fact.id, FACT_SHARDS)), sk: fact.id.clone() }
    }

    pub(crate) fn sums(day: Day, shard: u8) -> Key {
        Key { pk: sums_pk(day.month()), sk: format!("{day}#{shard}") }
    }

    pub(crate) fn total_sums() -> Key {
        Key { pk: "METRICS#TOTAL".to_owned(), sk: "TOTAL".to_owned() }
    }

    pub(crate) fn rank(board: Board, month: Month, id: &str) -> Key {
        Key { pk: rank_pk(board, month), sk: id.to_owned() }
    }
}

/// The partition of one shard of a day's facts.
pub(crate) fn facts_pk(day: Day, shard: u8) -> String {
    format!("{FACTS_PREFIX}{day}#{shard}")
}

/// Whether a partition holds facts.
pub(crate) fn is_facts(pk: &str) -> bool {
    pk.starts_with(FACTS_PREFIX)
}

/// The partition of the daily sums of a month.
pub(crate) fn sums_pk(month: Month) -> String {
    format!("METRICS#{month}")
}

/// The day in a key of sums.
pub(crate) fn sums_day(item: &Item) -> Option<Day> {
    let (day, _) = text(item, SK)?.split_once('#')?;
    Day::parse(day).ok()
}

/// The partition of a ranking, in the table and in the index.
pub(crate) fn rank_pk(board: Board, month: Month) -> String {
    format!("RANK#{}#{month}", board.into_str())
}

/// The index key of a ranking entry: the amount as text that sorts as the number does.
pub(crate) fn rank_index(board: Board, month: Month, id: &str, amount: i64) -> IndexKey {
    let above_zero = i128::from(amount) - i128::from(i64::MIN);
    (rank_pk(board, month), format!("{above_zero:020}#{id}"))
}
