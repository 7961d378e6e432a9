fn main() -> std::process::ExitCode {
    background::follow_sellers::function().serve()
}
