fn main() -> std::process::ExitCode {
    background::verify_audit::serve()
}
