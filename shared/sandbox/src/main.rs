//! `sandbox [--port N] [--host ADDRESS] [--state FOLDER] [--log FOLDER] [--redirect-uri URL]...
//! [--stripe-webhook-url URL --stripe-webhook-secret SECRET]
//! [--stripe-connect-webhook-url URL --stripe-connect-webhook-secret SECRET]`: runs the sandbox
//! until it is stopped.

use std::process::ExitCode;

use sandbox::{Config, Sandbox, stripe::Target};

const USAGE: &str = "usage: sandbox [--port N] [--host LOOPBACK_ADDRESS] [--state FOLDER] [--log FOLDER] \
                     [--redirect-uri URL]... \
                     [--stripe-webhook-url URL --stripe-webhook-secret SECRET] \
                     [--stripe-connect-webhook-url URL --stripe-connect-webhook-secret SECRET]";
/// Default port.
const PORT: u16 = 4570;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_target(false).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(failure.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let running = Sandbox::start(config(std::env::args().skip(1))?).await?;
    announce(&running.url);
    Ok(running.serve().await?)
}

fn config(mut args: impl Iterator<Item = String>) -> Result<Config, Box<dyn std::error::Error>> {
    let mut config = Config { port: PORT, ..Config::default() };
    let (mut platform, mut connect) = ((None, None), (None, None));
    while let Some(name) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match name.as_str() {
            "--port" => config.port = value.parse()?,
            "--host" => config.host = value.parse()?,
            "--state" => config.state = Some(value.into()),
            "--redirect-uri" => config.redirects.push(value),
            "--log" => config.log = Some(value.into()),
            "--stripe-webhook-url" => platform.0 = Some(value),
            "--stripe-webhook-secret" => platform.1 = Some(value),
            "--stripe-connect-webhook-url" => connect.0 = Some(value),
            "--stripe-connect-webhook-secret" => connect.1 = Some(value),
            _ => return Err(USAGE.into()),
        }
    }
    config.stripe.settings.webhook = target(platform)?;
    config.stripe.settings.connect_webhook = target(connect)?;
    Ok(config)
}

/// A webhook target: URL and secret, or neither.
fn target(given: (Option<String>, Option<String>)) -> Result<Option<Target>, &'static str> {
    match given {
        (Some(url), Some(secret)) => Ok(Some(Target { url, secret, second_secret: None })),
        (None, None) => Ok(None),
        (Some(_), None) | (None, Some(_)) => Err(USAGE),
    }
}

#[expect(clippy::print_stdout, reason = "scripts wait for this line")]
fn announce(url: &str) {
    println!("sandbox: listening on {url}");
}

#[expect(clippy::print_stderr, reason = "shows the user why the program ends")]
fn complain(failure: &dyn std::error::Error) {
    eprintln!("sandbox: {failure}");
}
