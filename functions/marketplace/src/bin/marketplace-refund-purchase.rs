fn main() -> std::process::ExitCode {
    marketplace::refund_purchase::function().serve()
}
