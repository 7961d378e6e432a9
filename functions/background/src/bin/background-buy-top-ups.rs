fn main() -> std::process::ExitCode {
    background::buy_top_ups::function().serve()
}
