fn main() -> std::process::ExitCode {
    account::create_webhook::function().serve()
}
