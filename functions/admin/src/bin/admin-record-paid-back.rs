fn main() -> std::process::ExitCode {
    admin::record_paid_back::function().serve()
}
