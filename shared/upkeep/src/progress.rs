//! How far a program is, on a terminal or in a log.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

/// How often a log gets a line. A terminal's line is written over with each page.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// A line on the standard error stream, so that results can be redirected.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    said: Instant,
    shown: Shown,
}

#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Terminal,
    Log,
    Nowhere,
}

impl Progress {
    /// On the standard error stream.
    pub fn on_stderr() -> Progress {
        let shown = if stderr().is_terminal() { Shown::Terminal } else { Shown::Log };
        Progress { shown, ..Progress::none() }
    }

    /// None: for tests.
    pub fn none() -> Progress {
        let now = Instant::now();
        Progress { began: now, said: now, shown: Shown::Nowhere }
    }

    /// Says how many of about `total` items were read, and `more`.
    pub fn say(&mut self, items: u64, total: u64, more: &str) {
        let seconds = self.began.elapsed().as_secs();
        // The count is as old as DynamoDB's, six hours at most.
        let percent = (items * 100).checked_div(total).unwrap_or(100).min(100);
        let line = format!("{percent:>3} %  {items} items, {more}, {seconds} s");
        match self.shown {
            Shown::Terminal => drop(write!(stderr(), "\r{line}\x1b[K")),
            Shown::Log if self.said.elapsed() >= LINE_EVERY => {
                self.said = Instant::now();
                drop(writeln!(stderr(), "{line}"));
            }
            Shown::Log | Shown::Nowhere => {}
        }
    }

    /// Ends the line.
    pub fn end(&self) {
        if self.shown == Shown::Terminal {
            drop(writeln!(stderr()));
        }
    }
}
