use background::sweep_generations::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::schedule(WORKER, handle)
}
