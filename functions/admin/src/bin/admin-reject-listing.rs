fn main() -> std::process::ExitCode {
    admin::reject_listing::function().serve()
}
