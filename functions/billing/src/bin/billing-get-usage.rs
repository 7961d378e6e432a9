fn main() -> std::process::ExitCode {
    billing::get_usage::function().serve()
}
