fn main() -> std::process::ExitCode {
    admin::list_payouts::function().serve()
}
