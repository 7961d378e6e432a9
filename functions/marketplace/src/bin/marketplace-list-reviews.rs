fn main() -> std::process::ExitCode {
    marketplace::list_reviews::function().serve()
}
