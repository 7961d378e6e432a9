fn main() -> std::process::ExitCode {
    account::update_webhook::function().serve()
}
