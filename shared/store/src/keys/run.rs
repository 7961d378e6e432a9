//! Keys of scheduled runs.

use super::Key;

const RUN_PREFIX: &str = "RUN#";

impl Key {
    /// The lease of a function's runs.
    pub(crate) fn run_lease(function: &str) -> Key {
        Key { pk: format!("{RUN_PREFIX}{function}"), sk: "LEASE".to_owned() }
    }

    /// Where the last run of a function stopped.
    pub(crate) fn run_position(function: &str) -> Key {
        Key { pk: format!("{RUN_PREFIX}{function}"), sk: "POSITION".to_owned() }
    }

    /// The last day that a function worked on.
    pub(crate) fn run_day(function: &str) -> Key {
        Key { pk: format!("{RUN_PREFIX}{function}"), sk: "DAY".to_owned() }
    }

    /// What a function has added up of the facts of some days.
    pub(crate) fn run_recount(function: &str) -> Key {
        Key { pk: format!("{RUN_PREFIX}{function}"), sk: "RECOUNT".to_owned() }
    }
}
