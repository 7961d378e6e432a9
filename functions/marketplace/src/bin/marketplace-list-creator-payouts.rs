fn main() -> std::process::ExitCode {
    marketplace::list_creator_payouts::function().serve()
}
