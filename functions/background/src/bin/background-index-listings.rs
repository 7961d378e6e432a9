fn main() -> std::process::ExitCode {
    background::index_listings::serve()
}
