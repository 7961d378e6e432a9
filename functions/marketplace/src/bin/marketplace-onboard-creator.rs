fn main() -> std::process::ExitCode {
    marketplace::onboard_creator::function().serve()
}
