//! Keys of the audit and of erasures.

use domain::audit::{AuditChain, Target};

use super::{Item, Key, PK, SK, text};

const ERASURE_PREFIX: &str = "ERASURE#";
const JOBS_PREFIX: &str = "JOBS#";
/// Index partition of erasures.
pub(crate) const ERASURES: &str = "ERASURES";
/// The highest sequence number that a key can hold.
pub(crate) const AUDIT_SEQ_MAX: u64 = 999_999_999_999;

impl Key {
    /// A chain's records are a partition, whose items are never updated or deleted:
    /// `FunctionBoundary` denies it in all that begin with `AUDIT`.
    pub(crate) fn audit(chain: AuditChain, seq: u64) -> Key {
        Key { pk: audit_chain_pk(chain), sk: format!("{seq:012}") }
    }

    /// `subject` is the subject's name.
    pub(crate) fn erasure(subject: &str) -> Key {
        Key { pk: format!("{ERASURE_PREFIX}{subject}"), sk: "ERASURE".to_owned() }
    }

    pub(crate) fn audit_head(chain: AuditChain) -> Key {
        let sk = match chain {
            AuditChain::Staff => "HEAD".to_owned(),
            AuditChain::Jobs(shard) => format!("{JOBS_PREFIX}{shard}"),
        };
        Key { pk: "AUDIT#HEAD".to_owned(), sk }
    }
}

/// The partition of a chain's records.
pub(crate) fn audit_chain_pk(chain: AuditChain) -> String {
    match chain {
        AuditChain::Staff => "AUDIT".to_owned(),
        AuditChain::Jobs(shard) => format!("AUDIT#{JOBS_PREFIX}{shard}"),
    }
}

/// Where a record is among those of its target: the chains follow one another.
pub(crate) fn audit_index_sk(chain: AuditChain, seq: u64) -> String {
    match chain {
        AuditChain::Staff => format!("{seq:012}"),
        AuditChain::Jobs(_) => format!("{JOBS_PREFIX}{seq:012}"),
    }
}

/// Index partition of the audit records of a target.
pub(crate) fn audit_pk(target: &Target) -> String {
    format!("AUDIT#{}#{}", target.kind.into_str(), target.id)
}

/// The sequence number of a record of `chain`; `None` for any other item.
pub(crate) fn audited_seq(chain: AuditChain, item: &Item) -> Option<u64> {
    let seq = text(item, SK)?.parse().ok()?;
    Key::audit(chain, seq).is_of(item).then_some(seq)
}

/// The subject of an erasure's index entry.
pub(crate) fn erasure_of(item: &Item) -> Option<&str> {
    text(item, PK)?.strip_prefix(ERASURE_PREFIX)
}
