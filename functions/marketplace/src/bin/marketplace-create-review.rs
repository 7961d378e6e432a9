fn main() -> std::process::ExitCode {
    marketplace::create_review::function().serve()
}
