fn main() -> std::process::ExitCode {
    admin::list_pending::function().serve()
}
