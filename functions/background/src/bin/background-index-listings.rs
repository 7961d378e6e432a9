fn main() -> std::process::ExitCode {
    background::index_listings::function().serve()
}
