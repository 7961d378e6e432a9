fn main() -> std::process::ExitCode {
    admin::get_user::function().serve()
}
