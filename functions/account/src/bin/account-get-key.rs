fn main() -> std::process::ExitCode {
    account::get_key::function().serve()
}
