fn main() -> std::process::ExitCode {
    admin::update_limits::serve()
}
