fn main() -> std::process::ExitCode {
    marketplace::create_listing::serve()
}
