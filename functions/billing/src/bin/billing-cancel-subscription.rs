fn main() -> std::process::ExitCode {
    billing::cancel_subscription::function().serve()
}
