fn main() -> std::process::ExitCode {
    billing::open_portal::function().serve()
}
