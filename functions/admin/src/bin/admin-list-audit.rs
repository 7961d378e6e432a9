fn main() -> std::process::ExitCode {
    admin::list_audit::serve()
}
