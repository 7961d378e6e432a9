fn main() -> std::process::ExitCode {
    marketplace::get_listing::function().serve()
}
