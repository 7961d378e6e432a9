//! Ids in the API's format: a prefix for the kind, then letters and digits. With a seed they are
//! the same in every run.

use rand::{RngExt, SeedableRng, rngs::StdRng};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Id generator.
#[derive(Debug)]
pub(super) struct Ids(StdRng);

impl Ids {
    /// The same ids for the same seed; without one, random ids.
    pub(super) fn new(seed: Option<u64>) -> Ids {
        Ids(seed.map_or_else(|| rand::make_rng(), StdRng::seed_from_u64))
    }

    /// A new id. `prefix` includes its underscore.
    pub(super) fn next(&mut self, prefix: &str) -> String {
        let length = match prefix {
            "cs_test_" => 58,
            "whsec_" => 32,
            "acct_" => 16,
            "cus_" | "si_" | "sub_sched_" | "req_" | "prod_" => 14,
            _ => 24,
        };
        format!("{prefix}{}", self.draw(LETTERS, length))
    }

    /// Prefix of a customer's invoice numbers.
    pub(super) fn invoice_prefix(&mut self) -> String {
        self.draw(CAPITALS, 8)
    }

    fn draw(&mut self, from: &[u8], length: usize) -> String {
        let one = |_| char::from(from[self.0.random_range(0..from.len())]);
        (0..length).map(one).collect()
    }
}
