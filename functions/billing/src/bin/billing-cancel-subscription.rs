use billing::cancel_subscription::{ENDPOINT, handle};

fn main() -> std::process::ExitCode {
    runtime::http(ENDPOINT, handle)
}
