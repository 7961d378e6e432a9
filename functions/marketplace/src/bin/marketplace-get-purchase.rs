fn main() -> std::process::ExitCode {
    marketplace::get_purchase::function().serve()
}
