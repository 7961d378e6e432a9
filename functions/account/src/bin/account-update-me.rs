fn main() -> std::process::ExitCode {
    account::update_me::function().serve()
}
