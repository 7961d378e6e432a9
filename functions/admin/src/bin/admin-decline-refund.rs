fn main() -> std::process::ExitCode {
    admin::decline_refund::function().serve()
}
