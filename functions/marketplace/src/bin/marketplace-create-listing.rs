fn main() -> std::process::ExitCode {
    marketplace::create_listing::function().serve()
}
