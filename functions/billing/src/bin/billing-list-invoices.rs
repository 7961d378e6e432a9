fn main() -> std::process::ExitCode {
    billing::list_invoices::function().serve()
}
