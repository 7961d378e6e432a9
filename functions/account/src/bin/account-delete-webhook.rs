fn main() -> std::process::ExitCode {
    account::delete_webhook::function().serve()
}
