fn main() -> std::process::ExitCode {
    admin::list_flags::function().serve()
}
