fn main() -> std::process::ExitCode {
    marketplace::list_creator_listings::function().serve()
}
