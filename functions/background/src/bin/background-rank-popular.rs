fn main() -> std::process::ExitCode {
    background::rank_popular::function().serve()
}
