fn main() -> std::process::ExitCode {
    background::reconcile_stripe::function().serve()
}
