fn main() -> std::process::ExitCode {
    marketplace::get_upload::function().serve()
}
