fn main() -> std::process::ExitCode {
    admin::ban_user::function().serve()
}
