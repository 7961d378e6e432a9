fn main() -> std::process::ExitCode {
    edge::get_problem::function().serve()
}
