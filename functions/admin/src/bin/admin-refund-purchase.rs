fn main() -> std::process::ExitCode {
    admin::refund_purchase::function().serve()
}
