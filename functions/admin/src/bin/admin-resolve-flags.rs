fn main() -> std::process::ExitCode {
    admin::resolve_flags::function().serve()
}
