fn main() -> std::process::ExitCode {
    admin::get_generation_stats::function().serve()
}
