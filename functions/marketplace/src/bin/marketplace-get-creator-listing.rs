fn main() -> std::process::ExitCode {
    marketplace::get_creator_listing::function().serve()
}
