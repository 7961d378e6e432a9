fn main() -> std::process::ExitCode {
    admin::unban_user::function().serve()
}
