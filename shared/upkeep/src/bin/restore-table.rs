//! `restore-table --from NAME [--dry-run]`: makes the table that `TABLE_NAME` names equal to the
//! restored table `NAME`. No function may write meanwhile.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::{error::Error, process::ExitCode};

use connect::chain;
use upkeep::{
    migrate::Mode,
    progress::Progress,
    put_back::{PutBack, put_back},
    table::Table,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Vec<String>) -> Result<(), Box<dyn Error>> {
    let (from, mode) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--from", from] => (from, Mode::Write),
        ["--from", from, "--dry-run"] | ["--dry-run", "--from", from] => (from, Mode::DryRun),
        _ => return Err("usage: restore-table --from NAME [--dry-run]".into()),
    };
    let (present, _) = Table::of_process().await?;
    let restored = present.beside(from);
    let done = put_back((&restored, &present), mode, &mut Progress::on_stderr()).await?;
    let PutBack { items, written, deleted } = done;
    let would = if mode == Mode::DryRun { "would be " } else { "" };
    println!("{items} items restored: {written} {would}written, {deleted} {would}deleted");
    Ok(())
}
