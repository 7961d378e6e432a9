fn main() -> std::process::ExitCode {
    billing::get_invoice_pdf::function().serve()
}
