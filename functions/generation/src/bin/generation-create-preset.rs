fn main() -> std::process::ExitCode {
    generation::create_preset::function().serve()
}
