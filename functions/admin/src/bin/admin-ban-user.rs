fn main() -> std::process::ExitCode {
    admin::ban_user::serve()
}
