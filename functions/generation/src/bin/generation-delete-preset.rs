fn main() -> std::process::ExitCode {
    generation::delete_preset::function().serve()
}
