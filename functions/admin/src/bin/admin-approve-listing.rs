fn main() -> std::process::ExitCode {
    admin::approve_listing::function().serve()
}
