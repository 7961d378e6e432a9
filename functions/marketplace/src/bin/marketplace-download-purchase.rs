fn main() -> std::process::ExitCode {
    marketplace::download_purchase::function().serve()
}
