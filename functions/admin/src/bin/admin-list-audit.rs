fn main() -> std::process::ExitCode {
    admin::list_audit::function().serve()
}
