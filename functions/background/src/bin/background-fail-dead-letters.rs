use background::fail_dead_letters::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::queue(WORKER, handle)
}
