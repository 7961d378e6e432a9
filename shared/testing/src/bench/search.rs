//! The search index of many listings, measured by `search-bench` in a process of its own.

use std::{path::Path, process::Command};

use super::BenchFailed;

const PROGRAM: &str = "search-bench";

/// Measurements of one index.
#[derive(Debug, Clone)]
pub struct Searches {
    /// What is searched.
    pub listings: &'static str,
    /// What was measured, and the value with its unit.
    pub rows: Vec<(String, String)>,
}

/// Measures an index of listings in English, and one of listings in Chinese.
pub(super) fn measure(binaries: &Path) -> Result<Vec<Searches>, BenchFailed> {
    let programs = [("in English", None), ("in Chinese", Some("--chinese"))];
    programs.into_iter().map(|(listings, option)| of(binaries, listings, option)).collect()
}

fn of(
    binaries: &Path,
    listings: &'static str,
    option: Option<&str>,
) -> Result<Searches, BenchFailed> {
    let output = Command::new(binaries.join(PROGRAM)).args(option).output();
    let output = output.map_err(BenchFailed::io(PROGRAM))?;
    if !output.status.success() {
        let what = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(BenchFailed::Search(what));
    }
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    // A value follows its name after at least two spaces.
    let rows = table.lines().filter_map(|line| line.split_once("  "));
    let rows = rows.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Ok(Searches { listings, rows })
}
