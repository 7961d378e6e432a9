fn main() -> std::process::ExitCode {
    generation::structure_prompt::function().serve()
}
