use background::pay_creators::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::schedule(WORKER, handle)
}
