fn main() -> std::process::ExitCode {
    background::relay_outbox::function().serve()
}
