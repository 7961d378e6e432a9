//! Keys of the audit and of erasures.

use domain::audit::Target;

use super::{Item, Key, PK, SK, text};

const ERASURE_PREFIX: &str = "ERASURE#";
/// Index partition of erasures.
pub(crate) const ERASURES: &str = "ERASURES";
/// The partition of the audit. Its items are never updated or deleted: `FunctionBoundary` denies
/// it.
pub(crate) const AUDIT: &str = "AUDIT";

impl Key {
    pub(crate) fn audit(seq: u64) -> Key {
        Key { pk: AUDIT.to_owned(), sk: format!("{seq:012}") }
    }

    /// `subject` is the subject's name.
    pub(crate) fn erasure(subject: &str) -> Key {
        Key { pk: format!("{ERASURE_PREFIX}{subject}"), sk: "ERASURE".to_owned() }
    }

    pub(crate) fn audit_head() -> Key {
        Key { pk: "AUDIT#HEAD".to_owned(), sk: "HEAD".to_owned() }
    }
}

/// Index partition of the audit records of a target.
pub(crate) fn audit_pk(target: &Target) -> String {
    format!("AUDIT#{}#{}", target.kind.into_str(), target.id)
}

/// The sequence number of an audit record; `None` for any other item.
pub(crate) fn audited_seq(item: &Item) -> Option<u64> {
    let seq = text(item, SK)?.parse().ok()?;
    Key::audit(seq).is_of(item).then_some(seq)
}

/// The subject of an erasure's index entry.
pub(crate) fn erasure_of(item: &Item) -> Option<&str> {
    text(item, PK)?.strip_prefix(ERASURE_PREFIX)
}
