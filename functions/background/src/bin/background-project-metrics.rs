fn main() -> std::process::ExitCode {
    background::project_metrics::function().serve()
}
