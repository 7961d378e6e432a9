fn main() -> std::process::ExitCode {
    marketplace::list_creator_earnings::function().serve()
}
