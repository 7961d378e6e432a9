fn main() -> std::process::ExitCode {
    account::rotate_webhook_secret::function().serve()
}
