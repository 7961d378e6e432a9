fn main() -> std::process::ExitCode {
    marketplace::list_reviews::serve()
}
