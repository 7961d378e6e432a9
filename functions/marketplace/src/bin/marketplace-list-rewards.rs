fn main() -> std::process::ExitCode {
    marketplace::list_rewards::function().serve()
}
