fn main() -> std::process::ExitCode {
    admin::remove_review::function().serve()
}
