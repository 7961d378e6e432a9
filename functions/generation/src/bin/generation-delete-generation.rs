fn main() -> std::process::ExitCode {
    generation::delete_generation::function().serve()
}
