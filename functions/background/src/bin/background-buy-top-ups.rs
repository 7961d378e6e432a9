use background::buy_top_ups::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::queue(WORKER, handle)
}
