fn main() -> std::process::ExitCode {
    account::create_appeal::function().serve()
}
