fn main() -> std::process::ExitCode {
    background::run_generation::function().serve()
}
