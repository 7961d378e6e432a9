//! Writes the API's document.

use std::{fs, process::ExitCode};

fn main() -> ExitCode {
    let written = contract::document::document().and_then(|text| {
        fs::write(contract::path(), text).map_err(|error| format!("openapi.json: {error}"))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ =
                std::io::Write::write_all(&mut std::io::stderr(), format!("{why}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
