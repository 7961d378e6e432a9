fn main() -> std::process::ExitCode {
    admin::list_refund_requests::function().serve()
}
