fn main() -> std::process::ExitCode {
    marketplace::share_listing::function().serve()
}
