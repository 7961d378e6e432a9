//! The capabilities of a running process: their secrets are refreshed.
//!
//! A rotated secret reaches every process within five minutes, and at once one that gets a webhook
//! signed with it, or whose provider refuses the secret in memory (401). If a secret cannot be
//! read, the process continues with the one in memory. Clients and their connections stay
//! ([`Aws::shared`]).

use std::{cell::RefCell, rc::Rc, time::Duration};

use connect::{Aws, Connect, Environment, InitError, chain};
use domain::Timestamp;
use tracing::warn;

/// How long a secret is used before it is read again.
const SECRETS_KEPT: Duration = Duration::from_secs(5 * 60);
/// Minimum time between two reads: forged signatures must not cause a flood of reads.
const READ_PAUSE: Duration = Duration::from_secs(60);
/// The suffix of variables that name a secret.
const SECRET: &str = "_SECRET_ARN";

/// Capabilities, and when they were connected.
pub(crate) struct Connected<C> {
    env: Rc<Environment>,
    aws: Rc<Aws>,
    /// Whether any of them uses a secret; if not, nothing is refreshed.
    has_secrets: bool,
    state: RefCell<State<C>>,
}

struct State<C> {
    capabilities: Rc<C>,
    read_at: Timestamp,
    tried_at: Timestamp,
}

impl<C: Connect> Connected<C> {
    /// Connects for the first time.
    pub(crate) async fn connect(
        env: Rc<Environment>,
        aws: Rc<Aws>,
        now: Timestamp,
    ) -> Result<Connected<C>, InitError> {
        let capabilities = Rc::new(C::connect(&env, &aws).await?);
        let state = State { capabilities, read_at: now, tried_at: now };
        let mut variables = C::variables().into_iter();
        let has_secrets =
            variables.any(|name| name.ends_with(SECRET) && env.optional(name).is_some());
        Ok(Connected { env, aws, has_secrets, state: RefCell::new(state) })
    }

    /// The capabilities for a call at `now`. Secrets older than five minutes, and those that a
    /// provider refused in the call before, are read again first.
    pub(crate) async fn at(&self, now: Timestamp) -> Rc<C> {
        let is_old = self.state.borrow().read_at.until(now) >= SECRETS_KEPT;
        if self.has_secrets && (is_old || self.aws.secret_doubt().take()) {
            self.read_again(now).await;
        }
        self.state.borrow().capabilities.clone()
    }

    /// Newer capabilities after a signature that matches no secret; `None` if it is too soon to
    /// read again.
    pub(crate) async fn doubted(&self, now: Timestamp) -> Option<Rc<C>> {
        let again = self.has_secrets && self.read_again(now).await;
        again.then(|| self.state.borrow().capabilities.clone())
    }

    /// Reads the secrets again. Returns whether it did.
    async fn read_again(&self, now: Timestamp) -> bool {
        if self.state.borrow().tried_at.until(now) < READ_PAUSE {
            return false;
        }
        self.state.borrow_mut().tried_at = now;
        match C::connect(&self.env, &self.aws).await {
            Ok(capabilities) => {
                let capabilities = Rc::new(capabilities);
                *self.state.borrow_mut() = State { capabilities, read_at: now, tried_at: now };
                true
            }
            Err(error) => {
                warn!(error = chain(&error), "secret refresh failed, using the old ones");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_339_800);

    /// A secret in a file.
    struct SecretFile(String);

    impl Connect for SecretFile {
        fn variables() -> Vec<&'static str> {
            vec!["TEST_SECRET_ARN"]
        }
        async fn connect(env: &Environment, _: &Aws) -> Result<SecretFile, InitError> {
            let read = fs::read_to_string(env.text("TEST_SECRET_ARN")?);
            let away = |e: std::io::Error| InitError::Unavailable { what: "it", source: e.into() };
            read.map(SecretFile).map_err(away)
        }
    }

    fn place(name: &str) -> PathBuf {
        let place = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::write(&place, "one").unwrap();
        place
    }

    #[tokio::test]
    async fn a_secret_is_read_again_after_five_minutes() {
        let (place, aws) = (place("secret-five-minutes"), Rc::new(crate::tests::aws()));
        let env = Environment::of([("TEST_SECRET_ARN", place.to_str().unwrap())]);
        let connected =
            Connected::<SecretFile>::connect(Rc::new(env), aws.clone(), NOW).await.unwrap();
        let at =
            async |secs: u64| connected.at(NOW.plus(Duration::from_secs(secs))).await.0.clone();
        fs::write(&place, "two").unwrap();
        assert_eq!(at(299).await, "one");
        assert_eq!(at(300).await, "two");
        fs::remove_file(&place).unwrap();
        assert_eq!(at(600).await, "two", "an unreadable secret stays in use");
        fs::write(&place, "three").unwrap();
        assert_eq!(at(659).await, "two", "the next read is a minute later");
        assert_eq!(at(660).await, "three");
        fs::remove_file(&place).unwrap();
    }

    /// The call that met the refusal has failed; its retry has the new secret.
    #[tokio::test]
    async fn a_secret_that_its_provider_refused_is_read_before_the_next_call() {
        let (place, aws) = (place("secret-refused"), Rc::new(crate::tests::aws()));
        let env = Environment::of([("TEST_SECRET_ARN", place.to_str().unwrap())]);
        let connected =
            Connected::<SecretFile>::connect(Rc::new(env), aws.clone(), NOW).await.unwrap();
        let at =
            async |secs: u64| connected.at(NOW.plus(Duration::from_secs(secs))).await.0.clone();
        fs::write(&place, "two").unwrap();
        for other in [200, 400, 403, 429, 500] {
            aws.secret_doubt().of_status(other);
        }
        assert_eq!(at(100).await, "one");
        aws.secret_doubt().of_status(401);
        assert_eq!(at(101).await, "two");
        fs::write(&place, "three").unwrap();
        aws.secret_doubt().of_status(401);
        assert_eq!(at(160).await, "two", "once a minute");
        aws.secret_doubt().of_status(401);
        assert_eq!(at(161).await, "three");
        fs::remove_file(&place).unwrap();
    }

    #[tokio::test]
    async fn a_doubted_secret_is_read_at_once_and_once_a_minute() {
        let (place, aws) = (place("secret-doubted"), Rc::new(crate::tests::aws()));
        let env = Environment::of([("TEST_SECRET_ARN", place.to_str().unwrap())]);
        let connected =
            Connected::<SecretFile>::connect(Rc::new(env), aws.clone(), NOW).await.unwrap();
        let doubted = async |secs: u64| {
            connected.doubted(NOW.plus(Duration::from_secs(secs))).await.map(|it| it.0.clone())
        };
        fs::write(&place, "two").unwrap();
        assert_eq!(doubted(59).await, None);
        assert_eq!(doubted(60).await.as_deref(), Some("two"));
        fs::write(&place, "three").unwrap();
        assert_eq!(doubted(119).await, None);
        assert_eq!(connected.at(NOW.plus(Duration::from_secs(119))).await.0, "two");
        assert_eq!(doubted(120).await.as_deref(), Some("three"));
        let none = Environment::of([("TEST_SECRET_ARN", "")]);
        let connected = Connected::<()>::connect(Rc::new(none), aws, NOW).await.unwrap();
        assert!(
            connected.doubted(NOW.plus(SECRETS_KEPT)).await.is_none(),
            "there is no secret to read"
        );
        fs::remove_file(&place).unwrap();
    }
}
