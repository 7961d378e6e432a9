fn main() -> std::process::ExitCode {
    edge::webhook_bria::function().serve()
}
