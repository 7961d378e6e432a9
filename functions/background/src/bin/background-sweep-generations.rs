fn main() -> std::process::ExitCode {
    background::sweep_generations::function().serve()
}
