fn main() -> std::process::ExitCode {
    marketplace::follow_share::function().serve()
}
