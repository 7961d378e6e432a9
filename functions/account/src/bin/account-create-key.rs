fn main() -> std::process::ExitCode {
    account::create_key::function().serve()
}
