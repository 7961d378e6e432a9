fn main() -> std::process::ExitCode {
    billing::open_portal::serve()
}
