use background::run_generation::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::queue(WORKER, handle)
}
