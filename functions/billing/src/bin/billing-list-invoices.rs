use billing::list_invoices::{ENDPOINT, handle};

fn main() -> std::process::ExitCode {
    runtime::http(ENDPOINT, handle)
}
