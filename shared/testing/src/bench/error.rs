//! Why the benchmark failed.

use std::io;

use store::StoreError;

/// Why the benchmark failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchFailed {
    /// A file or socket operation failed.
    #[error("{what}: {source}")]
    Io {
        /// The operation.
        what: String,
        /// Its error.
        source: io::Error,
    },
    /// A table operation failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The search index was not measured; what `search-bench` wrote about it.
    #[error("search-bench: {0}")]
    Search(String),
    /// A measured process failed or answered wrongly.
    #[error("{name}: {what}; its log is in {log}")]
    Process {
        /// The function, or what else it is.
        name: &'static str,
        /// What happened.
        what: String,
        /// The path of its log.
        log: String,
    },
}

impl BenchFailed {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> BenchFailed {
        let what = what.into();
        move |source| BenchFailed::Io { what, source }
    }
}
