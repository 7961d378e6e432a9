fn main() -> std::process::ExitCode {
    marketplace::preview_listing::serve()
}
