fn main() -> std::process::ExitCode {
    background::sweep_generations::serve()
}
