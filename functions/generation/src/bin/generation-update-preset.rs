fn main() -> std::process::ExitCode {
    generation::update_preset::function().serve()
}
