fn main() -> std::process::ExitCode {
    marketplace::list_purchases::function().serve()
}
