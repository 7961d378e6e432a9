fn main() -> std::process::ExitCode {
    account::list_webhook_deliveries::function().serve()
}
