fn main() -> std::process::ExitCode {
    billing::list_plans::function().serve()
}
