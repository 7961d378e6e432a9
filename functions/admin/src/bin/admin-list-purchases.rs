fn main() -> std::process::ExitCode {
    admin::list_purchases::function().serve()
}
