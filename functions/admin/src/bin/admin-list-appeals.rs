fn main() -> std::process::ExitCode {
    admin::list_appeals::function().serve()
}
