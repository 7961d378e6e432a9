fn main() -> std::process::ExitCode {
    background::fail_dead_letters::function().serve()
}
