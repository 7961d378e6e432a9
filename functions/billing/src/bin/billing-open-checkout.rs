use billing::open_checkout::{ENDPOINT, handle};

fn main() -> std::process::ExitCode {
    runtime::http(ENDPOINT, handle)
}
