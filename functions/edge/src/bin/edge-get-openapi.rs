fn main() -> std::process::ExitCode {
    edge::get_openapi::function().serve()
}
