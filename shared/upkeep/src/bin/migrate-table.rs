//! `migrate-table NAME --place FILE [--dry-run]`: migrates the table that `TABLE_NAME` names.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::{error::Error, process::ExitCode};

use connect::chain;
use upkeep::{
    migrate::{MIGRATIONS, Migrated, Mode, Place, migrate},
    progress::Progress,
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
    let (name, place, mode) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [name, "--place", place] => (name, place, Mode::Write),
        [name, "--place", place, "--dry-run"] | [name, "--dry-run", "--place", place] => {
            (name, place, Mode::DryRun)
        }
        _ => return Err("usage: migrate-table NAME --place FILE [--dry-run]".into()),
    };
    let Some(migration) = MIGRATIONS.iter().find(|migration| migration.name == name) else {
        let known = MIGRATIONS.map(|it| format!("  {}: {}", it.name, it.about)).join("\n");
        return Err(format!("there is no migration {name:?}, there are\n{known}").into());
    };
    let (table, _) = Table::of_process().await?;
    let place = Place::in_file(place);
    let done = migrate(&table, migration, (mode, &place), &mut Progress::on_stderr()).await?;
    let Migrated { items, changed, overtaken } = done;
    match mode {
        Mode::DryRun => println!("{items} items read, {changed} would be changed"),
        Mode::Write => println!(
            "{items} items read, {changed} changed, {overtaken} changed by others meanwhile"
        ),
    }
    Ok(())
}
