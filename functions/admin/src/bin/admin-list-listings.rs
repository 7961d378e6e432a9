fn main() -> std::process::ExitCode {
    admin::list_listings::function().serve()
}
