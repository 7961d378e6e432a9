fn main() -> std::process::ExitCode {
    account::get_webhook::function().serve()
}
