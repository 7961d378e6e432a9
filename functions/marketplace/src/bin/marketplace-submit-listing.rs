fn main() -> std::process::ExitCode {
    marketplace::submit_listing::function().serve()
}
