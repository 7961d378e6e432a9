fn main() -> std::process::ExitCode {
    marketplace::flag_listing::function().serve()
}
