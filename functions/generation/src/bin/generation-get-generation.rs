fn main() -> std::process::ExitCode {
    generation::get_generation::function().serve()
}
