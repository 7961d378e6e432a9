fn main() -> std::process::ExitCode {
    generation::list_generations::function().serve()
}
