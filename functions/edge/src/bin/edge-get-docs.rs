fn main() -> std::process::ExitCode {
    edge::get_docs::function().serve()
}
