fn main() -> std::process::ExitCode {
    account::delete_me::function().serve()
}
