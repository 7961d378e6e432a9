fn main() -> std::process::ExitCode {
    account::list_webhooks::function().serve()
}
