//! Searches for faults: runs the programs of many seeds, and shrinks the first that fails.
//!
//! `simulate [--seeds N] [--from SEED] [--steps N] [--always]`

use std::{
    io::{IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use simulator::{
    program::program,
    search::{Failure, Looks, catch_panics, run, shrink},
};

/// Worlds at a time for each processor.
const WORLDS_EACH: usize = 2;

/// What the command line says.
struct Wanted {
    seeds: u64,
    from: u64,
    steps: usize,
    looks: Looks,
}

impl Wanted {
    fn read() -> Result<Wanted, String> {
        let mut wanted = Wanted { seeds: 2_000, from: 1, steps: 40, looks: Looks::Last };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().and_then(|value| value.parse::<u64>().ok());
                value.ok_or_else(|| format!("{word} needs a number"))
            };
            match word.as_str() {
                "--seeds" => wanted.seeds = number()?,
                "--from" => wanted.from = number()?,
                "--steps" => wanted.steps = usize::try_from(number()?).unwrap_or(usize::MAX),
                "--always" => wanted.looks = Looks::Always,
                other => return Err(format!("{other} is no option: see the head of this file")),
            }
        }
        Ok(wanted)
    }
}

fn main() -> ExitCode {
    let wanted = match Wanted::read() {
        Ok(wanted) => wanted,
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            return ExitCode::from(2);
        }
    };
    catch_panics();
    let (next, began) = (AtomicU64::new(wanted.from), Instant::now());
    let end = wanted.from.saturating_add(wanted.seeds);
    // A world waits where its functions wait before they try again, so each processor has several.
    let workers = WORLDS_EACH * std::thread::available_parallelism().map_or(1, usize::from);
    let failures: Vec<(u64, Failure)> = std::thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= end {
                    return failed;
                }
                say(began, seed - wanted.from, wanted.seeds);
                if let Err(failure) = run(&program(seed, wanted.steps), wanted.looks) {
                    failed.push((seed, failure));
                    // The others end what they run.
                    next.store(end, Ordering::Relaxed);
                }
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    if stderr().is_terminal() {
        drop(writeln!(stderr()));
    }
    let mut out = stdout().lock();
    let Some((seed, failure)) = failures.first() else {
        let seconds = began.elapsed().as_secs();
        drop(writeln!(out, "{} seeds passed in {seconds} s", wanted.seeds));
        return ExitCode::SUCCESS;
    };
    drop(writeln!(out, "seed {seed} fails: {}\n", failure.what));
    let (moves, failure) = shrink(&program(*seed, wanted.steps), wanted.looks);
    drop(writeln!(out, "shrunk to {} steps:", moves.len()));
    for one in &moves {
        let mishap = one.mishap.as_ref().map(|it| format!("   but {it:?}")).unwrap_or_default();
        drop(writeln!(out, "  {:?}{mishap}", one.step));
    }
    drop(writeln!(out, "\n{}\n", failure.what));
    drop(writeln!(out, "to repeat it: ./scripts/simulate --from {seed} --seeds 1"));
    ExitCode::FAILURE
}

/// How far the search is: a line that is written over on a terminal, one for each tenth otherwise.
fn say(began: Instant, done: u64, of: u64) {
    let seconds = began.elapsed();
    if stderr().is_terminal() {
        drop(write!(stderr(), "\r  {done} of {of} seeds, {} s", seconds.as_secs()));
    } else if done > 0 && done.is_multiple_of(of.div_ceil(10)) && seconds > Duration::from_secs(1) {
        drop(writeln!(stderr(), "  {done} of {of} seeds, {} s", seconds.as_secs()));
    }
}
