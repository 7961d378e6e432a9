//! Searches for inputs that a target does not bear, and keeps the smallest of them in its corpus.
//!
//! `fuzz TARGET [--seconds N] [--from NUMBER] [--trace]`

use std::{
    collections::BTreeSet,
    io::{IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use fuzz::{TARGETS, TRIED, Target, catch_panics};

/// An input that takes longer is a finding: a function would not answer in time.
const ANSWER_S_MAX: u32 = 10;

/// What the command line says.
struct Wanted {
    target: &'static Target,
    seconds: u64,
    from: u64,
    is_traced: bool,
}

impl Wanted {
    fn read() -> Result<Wanted, String> {
        let mut words = std::env::args().skip(1);
        let name = words.next().unwrap_or_default();
        let target = fuzz::named(&name).ok_or_else(|| {
            let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            format!("{name:?} is no target: there are {}", known.join(", "))
        })?;
        let mut wanted = Wanted { target, seconds: 60, from: 0, is_traced: false };
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().and_then(|value| value.parse::<u64>().ok());
                value.ok_or_else(|| format!("{word} needs a number"))
            };
            match word.as_str() {
                "--seconds" => wanted.seconds = number()?,
                "--from" => wanted.from = number()?,
                "--trace" => wanted.is_traced = true,
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
    match search(&wanted) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(stderr(), "the corpus cannot be read or written: {error}"));
            ExitCode::from(2)
        }
    }
}

/// Tries the corpus and then its mutations, and returns the number of findings.
fn search(wanted: &Wanted) -> std::io::Result<usize> {
    let Wanted { target, seconds, mut from, is_traced } = *wanted;
    let corpus = target.corpus()?;
    catch_panics();
    std::thread::spawn(move || watch(target));
    let began = Instant::now();
    let (mut found, mut accepted) = (BTreeSet::new(), 0_u64);
    let mut kept = corpus.iter();
    loop {
        let input = match kept.next() {
            Some(input) => input.clone(),
            None if began.elapsed() >= Duration::from_secs(seconds) => break,
            None => {
                from += 1;
                if is_traced {
                    drop(writeln!(stderr(), "{}", from - 1));
                }
                target.mutated(&corpus, from - 1)
            }
        };
        match target.check(&input) {
            Ok(is_accepted) => accepted += u64::from(is_accepted),
            // Each place once, or one fault would fill the corpus.
            Err(what) => {
                if found.insert(what.lines().next().unwrap_or_default().to_owned()) {
                    let path = target.keep(&target.smallest(&input))?;
                    drop(writeln!(stdout(), "{what}\nkept as {}\n", path.display()));
                }
            }
        }
    }
    if stderr().is_terminal() {
        drop(write!(stderr(), "\r"));
    }
    let (name, tried, findings) = (target.name, TRIED.load(Ordering::Relaxed), found.len());
    let line = format!("  {name:<10}{tried:>12} tried{accepted:>12} accepted{findings:>4} found");
    drop(writeln!(stdout(), "{line}   (to go on: --from {from})"));
    Ok(findings)
}

/// Says how far the search is, and ends the process when an input takes too long.
fn watch(target: &Target) {
    let (mut last, mut waited_s) = (0, 0);
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let tried = TRIED.load(Ordering::Relaxed);
        waited_s = if tried == last { waited_s + 1 } else { 0 };
        last = tried;
        if stderr().is_terminal() {
            drop(write!(stderr(), "\r  {:<10}{tried:>12} tried", target.name));
        }
        if waited_s >= ANSWER_S_MAX {
            let name = target.name;
            drop(writeln!(
                stdout(),
                "{name}: an input takes more than {ANSWER_S_MAX} s: --trace names it"
            ));
            std::process::exit(1);
        }
    }
}
