fn main() -> std::process::ExitCode {
    marketplace::create_upload::function().serve()
}
