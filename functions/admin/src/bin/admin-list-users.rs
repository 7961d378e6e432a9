fn main() -> std::process::ExitCode {
    admin::list_users::serve()
}
