fn main() -> std::process::ExitCode {
    account::redeliver_webhook::function().serve()
}
