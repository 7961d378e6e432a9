//! `search-bench [--chinese] [--listings N] [--shards N]`: measures searches over this many
//! listings, 100,000 by default, in this many shards, by default as many as are deployed; with
//! `--chinese`, over listings without spaces between words.
//!
//! Another process builds the shards, so that the memory is that of searching only.

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use search::bench::{self, Limits, Measured, Script, Setup};

const USAGE: &str = "usage: search-bench [--chinese] [--listings N] [--shards N]";

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool reports")]
fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
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

fn run(mut arguments: impl Iterator<Item = String>) -> Result<String, Box<dyn Error>> {
    let (mut setup, mut directory) = (Setup::default(), None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--chinese" => setup.script = Script::Chinese,
            "--listings" => setup.listings = value()?.parse()?,
            "--shards" => setup.shards = value()?.parse()?,
            "--build" => directory = Some(value()?),
            _ => return Err(USAGE.into()),
        }
    }
    match directory {
        Some(directory) => build(setup, Path::new(&directory)),
        None => measure(setup),
    }
}

/// Writes the shards as files `0`, `1` and so on; the text is the microseconds that building took.
fn build(setup: Setup, directory: &Path) -> Result<String, Box<dyn Error>> {
    let (blobs, took) = bench::build(setup)?;
    for (shard, blob) in blobs.iter().enumerate() {
        std::fs::write(directory.join(shard.to_string()), blob)?;
    }
    Ok(took.as_micros().to_string())
}

fn measure(setup: Setup) -> Result<String, Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("search-bench-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let built = Command::new(std::env::current_exe()?)
        .arg("--build")
        .arg(&directory)
        .args(["--listings", &setup.listings.to_string()])
        .args(["--shards", &setup.shards.to_string()])
        .args((setup.script == Script::Chinese).then_some("--chinese"))
        .output();
    let shards = (0..setup.shards.get()).map(|shard| directory.join(shard.to_string()));
    let blobs: Result<Vec<Vec<u8>>, _> = shards.map(std::fs::read).collect();
    std::fs::remove_dir_all(&directory)?;
    let build = Duration::from_micros(String::from_utf8(built?.stdout)?.trim().parse()?);
    Ok(table(setup, Measured { build, ..bench::search(blobs?, setup.script)? }))
}

fn table(setup: Setup, measured: Measured) -> String {
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1_000.0);
    let rows = [
        ("listings", measured.listings.to_string()),
        ("shards", measured.shards.to_string()),
        ("build", ms(measured.build)),
        ("blobs", format!("{:.1} MB", measured.blobs_mb)),
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
    let is_promised =
        |limits: &Limits| setup.script == Script::Latin && setup.listings == limits.listings;
    let promised = bench::LIMITS.into_iter().filter(is_promised);
    let promised = promised.flat_map(|limits| {
        [
            ("promised p99", ms(limits.search)),
            ("promised open", ms(limits.open)),
            ("promised memory", format!("{:.0} MB", limits.memory_mb)),
        ]
    });
    let rows = rows.into_iter().chain(promised);
    rows.map(|(name, value)| format!("{name:<16}{value:>12}\n")).collect()
}
