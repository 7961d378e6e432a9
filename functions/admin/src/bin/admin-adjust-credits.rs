fn main() -> std::process::ExitCode {
    admin::adjust_credits::serve()
}
