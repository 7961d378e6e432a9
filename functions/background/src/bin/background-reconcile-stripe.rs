use background::reconcile_stripe::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::schedule(WORKER, handle)
}
