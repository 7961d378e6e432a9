fn main() -> std::process::ExitCode {
    background::deliver_webhooks::function().serve()
}
