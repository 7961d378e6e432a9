fn main() -> std::process::ExitCode {
    marketplace::search_listings::function().serve()
}
