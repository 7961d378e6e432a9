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

    /// Says how many items were read, what share of about `total` that is, and `more`.
    pub fn say(&mut self, items: u64, total: Option<u64>, more: &str) {
        let seconds = self.began.elapsed().as_secs();
        // The count is as old as DynamoDB's, six hours at most.
        let percent = total.and_then(|total| (items * 100).checked_div(total));
        let share = percent.map(|it| format!("{:>3} %  ", it.min(100))).unwrap_or_default();
        let line = format!("{share}{items} items, {more}, {seconds} s");
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
