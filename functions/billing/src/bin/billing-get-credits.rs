fn main() -> std::process::ExitCode {
    billing::get_credits::function().serve()
}
