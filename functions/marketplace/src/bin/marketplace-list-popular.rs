fn main() -> std::process::ExitCode {
    marketplace::list_popular::function().serve()
}
