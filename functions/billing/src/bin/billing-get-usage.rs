use billing::get_usage::{ENDPOINT, handle};

fn main() -> std::process::ExitCode {
    runtime::http(ENDPOINT, handle)
}
