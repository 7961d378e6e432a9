use billing::open_portal::{ENDPOINT, handle};

fn main() -> std::process::ExitCode {
    runtime::http(ENDPOINT, handle)
}
