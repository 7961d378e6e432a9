fn main() -> std::process::ExitCode {
    generation::create_preset::serve()
}
