fn main() -> std::process::ExitCode {
    marketplace::preview_studio::function().serve()
}
