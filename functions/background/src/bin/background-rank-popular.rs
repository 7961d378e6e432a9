fn main() -> std::process::ExitCode {
    background::rank_popular::serve()
}
