fn main() -> std::process::ExitCode {
    account::export_me::function().serve()
}
