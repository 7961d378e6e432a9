fn main() -> std::process::ExitCode {
    admin::adjust_credits::function().serve()
}
