fn main() -> std::process::ExitCode {
    marketplace::create_review::serve()
}
