fn main() -> std::process::ExitCode {
    edge::authorizer::function().serve()
}
