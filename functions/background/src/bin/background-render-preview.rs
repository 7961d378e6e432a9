use background::render_preview::{WORKER, handle};

fn main() -> std::process::ExitCode {
    runtime::queue(WORKER, handle)
}
