fn main() -> std::process::ExitCode {
    background::erase_data::function().serve()
}
