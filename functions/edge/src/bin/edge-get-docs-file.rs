fn main() -> std::process::ExitCode {
    edge::get_docs_file::function().serve()
}
