fn main() -> std::process::ExitCode {
    marketplace::retire_listing::serve()
}
