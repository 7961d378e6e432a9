fn main() -> std::process::ExitCode {
    marketplace::get_creator_revenue::function().serve()
}
