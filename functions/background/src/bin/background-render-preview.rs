fn main() -> std::process::ExitCode {
    background::render_preview::function().serve()
}
