fn main() -> std::process::ExitCode {
    marketplace::preview_listing::function().serve()
}
