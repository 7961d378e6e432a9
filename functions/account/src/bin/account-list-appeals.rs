fn main() -> std::process::ExitCode {
    account::list_appeals::function().serve()
}
