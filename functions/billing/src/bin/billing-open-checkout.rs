fn main() -> std::process::ExitCode {
    billing::open_checkout::function().serve()
}
