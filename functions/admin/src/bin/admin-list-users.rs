fn main() -> std::process::ExitCode {
    admin::list_users::function().serve()
}
