use background::verify_audit::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::schedule(WORKER, handle)
}
