fn main() -> std::process::ExitCode {
    billing::update_top_up::function().serve()
}
