use background::report_revenue::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::schedule(WORKER, handle)
}
