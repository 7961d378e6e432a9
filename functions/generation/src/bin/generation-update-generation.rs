fn main() -> std::process::ExitCode {
    generation::update_generation::function().serve()
}
