fn main() -> std::process::ExitCode {
    admin::resolve_appeal::function().serve()
}
