fn main() -> std::process::ExitCode {
    marketplace::retire_listing::function().serve()
}
