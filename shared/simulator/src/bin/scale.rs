//! Has a scheduled function do the work of a load, and prints what that took as one line of JSON.
//!
//! `scale PLAN`, where PLAN is JSON (`simulator::scale::Plan`); `infra/scale.py` calls it.

use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
};

use simulator::scale::{Plan, measure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let text = std::env::args().nth(1).ok_or_else(|| "usage: scale PLAN".to_owned());
    let measured = match text.and_then(|text| Plan::parse(&text)) {
        Ok(plan) => measure(&plan).await,
        Err(error) => Err(error),
    };
    match measured {
        Ok(measured) => {
            drop(writeln!(stdout(), "{}", measured.to_json()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            drop(writeln!(stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}
