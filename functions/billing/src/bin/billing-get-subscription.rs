fn main() -> std::process::ExitCode {
    billing::get_subscription::function().serve()
}
