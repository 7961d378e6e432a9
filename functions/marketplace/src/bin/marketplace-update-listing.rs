fn main() -> std::process::ExitCode {
    marketplace::update_listing::function().serve()
}
