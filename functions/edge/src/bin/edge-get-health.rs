fn main() -> std::process::ExitCode {
    edge::get_health::function().serve()
}
