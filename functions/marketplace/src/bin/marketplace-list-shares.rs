fn main() -> std::process::ExitCode {
    marketplace::list_shares::function().serve()
}
