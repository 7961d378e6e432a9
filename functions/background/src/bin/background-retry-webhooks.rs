fn main() -> std::process::ExitCode {
    background::retry_webhooks::function().serve()
}
