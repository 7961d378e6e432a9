fn main() -> std::process::ExitCode {
    generation::get_preset::function().serve()
}
