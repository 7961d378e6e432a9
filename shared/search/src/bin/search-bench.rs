//! `search-bench [--chinese] [--listings N]`: measures searches over this many listings, 100,000 by
//! default; with `--chinese`, over listings without spaces between words.
//!
//! Another process builds the catalogue, so that the memory is that of searching only.

use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use search::bench::{self, LISTINGS, Measured, Script};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => measure(LISTINGS, Script::Latin),
        ["--build", listings, path] => build(listings, path, Script::Latin),
        ["--build", "--chinese", listings, path] => build(listings, path, Script::Chinese),
        ["--chinese"] => measure(LISTINGS, Script::Chinese),
        ["--listings", listings] => measure_of(listings, Script::Latin),
        ["--chinese", "--listings", listings] => measure_of(listings, Script::Chinese),
        _ => Err("usage: search-bench [--chinese] [--listings N]".into()),
    };
    match done {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<u64, Box<dyn Error>> {
    Ok(text.parse()?)
}

fn build(listings: &str, path: &str, script: Script) -> Result<String, Box<dyn Error>> {
    let (bytes, took) = bench::build(number(listings)?, script)?;
    std::fs::write(path, bytes)?;
    Ok(took.as_micros().to_string())
}

fn measure_of(listings: &str, script: Script) -> Result<String, Box<dyn Error>> {
    measure(number(listings)?, script)
}

fn measure(listings: u64, script: Script) -> Result<String, Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("search-bench-{}", std::process::id()));
    let built = Command::new(std::env::current_exe()?)
        .arg("--build")
        .args((script == Script::Chinese).then_some("--chinese"))
        .arg(listings.to_string())
        .arg(&path)
        .output()?;
    let bytes = std::fs::read(&path);
    std::fs::remove_file(&path)?;
    let build = Duration::from_micros(String::from_utf8(built.stdout)?.trim().parse()?);
    Ok(table(Measured { build, ..bench::search(bytes?, script)? }))
}

fn table(measured: Measured) -> String {
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1_000.0);
    let rows = [
        ("listings", measured.listings.to_string()),
        ("build", ms(measured.build)),
        ("blob", format!("{:.1} MB", measured.blob_mb)),
        ("open", ms(measured.open)),
        ("searches", measured.searches.to_string()),
        ("search p50", ms(measured.p50)),
        ("search p99", ms(measured.p99)),
        ("search max", ms(measured.max)),
        ("changes", measured.changes.to_string()),
        ("apply them", ms(measured.apply)),
        ("apply one more", ms(measured.apply_one)),
        ("search p99 then", ms(measured.p99_changed)),
        ("memory at most", format!("{:.0} MB", measured.memory_mb)),
    ];
    rows.iter().map(|(name, value)| format!("{name:<16}{value:>12}\n")).collect()
}
