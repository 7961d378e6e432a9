fn main() -> std::process::ExitCode {
    admin::unban_user::serve()
}
