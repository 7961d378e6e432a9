fn main() -> std::process::ExitCode {
    admin::audit_ledger::function().serve()
}
