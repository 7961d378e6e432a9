fn main() -> std::process::ExitCode {
    background::grant_rewards::function().serve()
}
