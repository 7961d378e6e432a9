fn main() -> std::process::ExitCode {
    generation::cancel_generation::function().serve()
}
