fn main() -> std::process::ExitCode {
    admin::update_limits::function().serve()
}
