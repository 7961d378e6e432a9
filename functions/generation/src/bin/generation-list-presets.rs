fn main() -> std::process::ExitCode {
    generation::list_presets::function().serve()
}
