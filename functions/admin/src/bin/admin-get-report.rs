fn main() -> std::process::ExitCode {
    admin::get_report::function().serve()
}
