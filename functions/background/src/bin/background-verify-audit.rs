fn main() -> std::process::ExitCode {
    background::verify_audit::function().serve()
}
