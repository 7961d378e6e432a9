//! `bench BINARIES PYTHON TLS`: measures the binaries in a folder and, with a Python that has its
//! packages, the reference; prints tables, writes `.local/bench.json`. TLS is the folder with the
//! certificate of the local endpoint.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]

use std::{error::Error, fs, path::PathBuf};

use testing::bench::{Places, run};

const RESULT: &str = ".local/bench.json";
const LOGS: &str = ".local/log";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let arguments: Result<[PathBuf; 3], _> = arguments.try_into();
    let [binaries, python, tls] = arguments.map_err(|_| "usage: bench BINARIES PYTHON TLS")?;
    fs::create_dir_all(LOGS)?;
    let places = Places { binaries, logs: PathBuf::from(LOGS), python, tls };
    let report = run(&places, |what| eprintln!("  measure {what}")).await?;
    fs::write(RESULT, format!("{:#}\n", report.to_json()))?;
    println!("\n{report}\nwritten to {RESULT}");
    Ok(())
}
