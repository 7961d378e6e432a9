fn main() -> std::process::ExitCode {
    admin::list_reports::function().serve()
}
