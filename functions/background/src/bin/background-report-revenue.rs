fn main() -> std::process::ExitCode {
    background::report_revenue::function().serve()
}
