fn main() -> std::process::ExitCode {
    marketplace::reply_to_review::function().serve()
}
