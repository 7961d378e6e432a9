//! Capabilities, and what they are connected with when a process starts: its variables, AWS and the
//! clock.
//!
//! The clients and the store implement [`Connect`] beside themselves. Nothing else in the project
//! reads the environment or the system clock.

mod aws;
mod clock;
mod doubt;
mod environment;
mod error;
mod process_clients;

use std::any::Any;

use domain::generation::Provider;

pub use aws::Aws;
pub use clock::Clock;
pub use doubt::SecretDoubt;
pub use environment::Environment;
pub use error::{InitError, chain};
pub use process_clients::ProcessClients;

/// The variable that names the provider of images: `studio` or `bria`.
pub const IMAGE_PROVIDER: &str = "IMAGE_PROVIDER";

/// A capability: what a handler uses, connected once before the first call.
///
/// A handler's first parameter is a capability, or a struct of them that derives this trait. Exactly
/// those are connected, and exactly their variables are required.
pub trait Connect: Sized {
    /// The variables that must be set, including those that may be empty.
    fn variables() -> Vec<&'static str>;

    /// Connects, during process initialization.
    ///
    /// # Errors
    /// When a variable is invalid, or a required service does not answer.
    fn connect(env: &Environment, aws: &Aws) -> impl Future<Output = Result<Self, InitError>>;

    /// The store, if this is or contains it: the shell needs it for suspensions and rate limits.
    /// It is untyped because the store depends on this crate.
    fn table(&self) -> Option<&dyn Any> {
        None
    }
}

/// A handler without capabilities.
impl Connect for () {
    fn variables() -> Vec<&'static str> {
        Vec::new()
    }
    async fn connect(_: &Environment, _: &Aws) -> Result<(), InitError> {
        Ok(())
    }
}

/// The image provider of this deployment, for functions that only record its name.
impl Connect for Provider {
    fn variables() -> Vec<&'static str> {
        vec![IMAGE_PROVIDER]
    }
    async fn connect(env: &Environment, _: &Aws) -> Result<Provider, InitError> {
        let name = env.text(IMAGE_PROVIDER)?;
        let unknown = |_| InitError::unusable(IMAGE_PROVIDER)("it is `studio` or `bria`");
        name.parse().map_err(unknown)
    }
}
