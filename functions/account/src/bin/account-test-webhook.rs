fn main() -> std::process::ExitCode {
    account::test_webhook::function().serve()
}
