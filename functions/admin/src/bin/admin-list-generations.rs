fn main() -> std::process::ExitCode {
    admin::list_generations::function().serve()
}
