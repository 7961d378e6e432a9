//! What tests see, for the checks that need to know of all of them.
//!
//! With `PROLIGHT_RECORD` set to a folder, each test process appends to files there.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// The folder, if tests are recorded.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os("PROLIGHT_RECORD").map(PathBuf::from)
}

/// Appends lines, which end with a line break, to a file of the folder, in one write.
pub(crate) fn append(folder: &Path, file: &str, lines: &str) {
    fs::create_dir_all(folder).expect("a folder");
    let file = OpenOptions::new().create(true).append(true).open(folder.join(file));
    file.expect("a file").write_all(lines.as_bytes()).expect("lines");
}
