fn main() -> std::process::ExitCode {
    admin::delist_listing::function().serve()
}
