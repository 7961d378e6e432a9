fn main() -> std::process::ExitCode {
    edge::authorizer::serve()
}
