fn main() -> std::process::ExitCode {
    marketplace::create_purchase::function().serve()
}
