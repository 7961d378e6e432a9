//! `bench FOLDER`: measures the binaries in FOLDER, prints a table, writes `.local/bench.json`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use std::{error::Error, fs, path::Path};

const RESULT: &str = ".local/bench.json";
const LOGS: &str = ".local/log";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: bench FOLDER_OF_BINARIES")?;
    fs::create_dir_all(LOGS)?;
    let progress = |what: &str| eprintln!("  measure {what}");
    let report = testing::bench::run(Path::new(&folder), Path::new(LOGS), progress).await?;
    fs::write(RESULT, format!("{:#}\n", report.to_json()))?;
    println!("\n{report}\nwritten to {RESULT}");
    Ok(())
}
