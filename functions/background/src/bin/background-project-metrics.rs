use background::project_metrics::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::stream(WORKER, handle)
}
