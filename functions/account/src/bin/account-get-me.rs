fn main() -> std::process::ExitCode {
    account::get_me::function().serve()
}
