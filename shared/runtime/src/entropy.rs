//! Randomness.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The source of randomness.
#[derive(Debug, Clone)]
pub enum Entropy {
    /// A generator seeded by the operating system.
    System,
    /// 1, 2, 3 and so on, for tests; clones count together.
    Counted(Arc<AtomicU64>),
}

impl Entropy {
    /// A source that counts from 1.
    pub fn counted() -> Entropy {
        Entropy::Counted(Arc::new(AtomicU64::new(0)))
    }

    /// 128 random bits.
    pub fn next(&self) -> u128 {
        match self {
            Entropy::System => rand::random(),
            Entropy::Counted(count) => u128::from(count.fetch_add(1, Ordering::SeqCst)) + 1,
        }
    }
}
