fn main() -> std::process::ExitCode {
    generation::create_generation::function().serve()
}
