use edge::authorizer::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::authorize(WORKER, handle)
}
