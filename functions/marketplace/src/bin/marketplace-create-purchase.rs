fn main() -> std::process::ExitCode {
    marketplace::create_purchase::serve()
}
