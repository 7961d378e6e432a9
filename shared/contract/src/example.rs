//! Examples of requests and answers, recorded from tests.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::root;

/// Where the example of an operation is.
pub fn path(operation: &str) -> PathBuf {
    root().join("shared/contract/examples").join(format!("{operation}.json"))
}

/// The recorded `{request, status, answer}` of an operation, if there is one.
///
/// # Errors
/// A sentence about a file that is not JSON.
pub fn of(operation: &str) -> Result<Option<Value>, String> {
    let path = path(operation);
    let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}
