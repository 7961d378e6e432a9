fn main() -> std::process::ExitCode {
    edge::webhook_stripe::function().serve()
}
