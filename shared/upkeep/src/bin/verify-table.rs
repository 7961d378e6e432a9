//! `verify-table`: verifies the table that `TABLE_NAME` names, and prints what does not follow from
//! its entries. It ends with status 1 if there is anything, and with 2 if it could not read it all.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::process::ExitCode;

use connect::chain;
use upkeep::{
    progress::Progress,
    table::Table,
    verify::{Verified, verify},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let verified = async {
        let (table, _) = Table::of_process().await?;
        verify(&table, &mut Progress::on_stderr(), |finding| println!("{finding}")).await
    };
    match verified.await {
        Ok(Verified { items, members, findings }) => {
            println!("{items} items of {members} members verified, {findings} findings");
            if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{}", chain(&error));
            ExitCode::from(2)
        }
    }
}
