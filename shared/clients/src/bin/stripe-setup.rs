//! `stripe-setup [--base-url URL] [--webhook-url URL] [--connect-webhook-url URL]
//! [--return-url URL] [--print-secret]`: sets up a Stripe account for ProLight, with the key in
//! `STRIPE_API_KEY`. A second run changes nothing.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::{error::Error, process::ExitCode};

use clients::{
    Secret, Stripe,
    stripe::{
        BASE_URL, StripeConfig, Tax, api_version,
        setup::{Row, Wanted, set_up},
    },
};
use connect::chain;

const USAGE: &str = "usage: STRIPE_API_KEY=sk_... stripe-setup [--base-url URL] \
                     [--webhook-url URL] [--connect-webhook-url URL] [--return-url URL] \
                     [--print-secret]";

/// The command line.
struct Order {
    base: String,
    wanted: Wanted,
    secrets: Secrets,
}

/// Whether the signing secret of a new endpoint is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    Hidden,
    Printed,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let order = order(std::env::args().skip(1))?;
    #[expect(clippy::disallowed_methods, reason = "the key comes from the environment")]
    let api_key = std::env::var("STRIPE_API_KEY").map_err(|_| USAGE)?;
    let config = StripeConfig { base: order.base, api_key: Secret::new(api_key), tax: Tax::None };
    let rows = set_up(&Stripe::new(&config)?, &order.wanted).await?;
    println!("API version {}", api_version());
    print(&rows);
    for row in &rows {
        match (&row.secret, order.secrets) {
            (Some(secret), Secrets::Printed) => {
                println!("signing secret of {}: {}", row.id, secret.expose());
            }
            (Some(_), Secrets::Hidden) => {
                println!("signing secret of {}: in the dashboard, or by --print-secret", row.id);
            }
            (None, Secrets::Printed | Secrets::Hidden) => {}
        }
    }
    Ok(())
}

fn order(mut args: impl Iterator<Item = String>) -> Result<Order, Box<dyn Error>> {
    let wanted = Wanted {
        webhook_url: None,
        connect_webhook_url: None,
        return_url: None,
        run: rand::random(),
    };
    let mut order = Order { base: BASE_URL.to_owned(), wanted, secrets: Secrets::Hidden };
    while let Some(name) = args.next() {
        let mut value = || args.next().ok_or(USAGE);
        match name.as_str() {
            "--base-url" => order.base = value()?,
            "--webhook-url" => order.wanted.webhook_url = Some(value()?),
            "--connect-webhook-url" => order.wanted.connect_webhook_url = Some(value()?),
            "--return-url" => order.wanted.return_url = Some(value()?),
            "--print-secret" => order.secrets = Secrets::Printed,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(order)
}

/// Prints one line per row, in columns.
fn print(rows: &[Row]) {
    let widest = |text: fn(&Row) -> &str| rows.iter().map(|row| text(row).len()).max().unwrap_or(0);
    let (what, id) = (widest(|row| &row.what), widest(|row| &row.id));
    for row in rows {
        println!("{:what$}  {:id$}  {}", row.what, row.id, row.done.into_str());
    }
}
