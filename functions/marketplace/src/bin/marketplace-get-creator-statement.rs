fn main() -> std::process::ExitCode {
    marketplace::get_creator_statement::function().serve()
}
