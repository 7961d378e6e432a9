fn main() -> std::process::ExitCode {
    admin::get_revenue_stats::function().serve()
}
