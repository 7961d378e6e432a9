fn main() -> std::process::ExitCode {
    billing::get_checkout::function().serve()
}
