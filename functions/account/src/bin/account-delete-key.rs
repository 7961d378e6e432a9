fn main() -> std::process::ExitCode {
    account::delete_key::function().serve()
}
