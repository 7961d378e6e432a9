fn main() -> std::process::ExitCode {
    edge::get_config::function().serve()
}
