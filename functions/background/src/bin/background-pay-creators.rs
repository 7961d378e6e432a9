fn main() -> std::process::ExitCode {
    background::pay_creators::function().serve()
}
