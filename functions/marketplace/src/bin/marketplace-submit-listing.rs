fn main() -> std::process::ExitCode {
    marketplace::submit_listing::serve()
}
