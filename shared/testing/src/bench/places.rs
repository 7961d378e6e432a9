//! Where a benchmark finds what it runs.

use std::path::PathBuf;

/// The files that a benchmark needs.
#[derive(Debug, Clone)]
pub struct Places {
    /// The folder with the compiled functions and `search-bench`.
    pub binaries: PathBuf,
    /// The folder for the logs of measured processes.
    pub logs: PathBuf,
    /// The Python that has the reference's packages.
    pub python: PathBuf,
    /// The folder with `certificate.pem` and `key.pem` of loopback, and with `roots.pem`: the
    /// machine's root certificates and that one.
    pub tls: PathBuf,
}
