fn main() -> std::process::ExitCode {
    marketplace::get_creator_stats::function().serve()
}
