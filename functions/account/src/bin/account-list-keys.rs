fn main() -> std::process::ExitCode {
    account::list_keys::function().serve()
}
