use background::relay_outbox::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::stream(WORKER, handle)
}
