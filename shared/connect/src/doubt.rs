//! A doubt about a secret: its provider refused it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Raised by a client whose provider answers that its key is not valid (401): it may have been
/// rotated. The process then reads its secrets again before its next call.
#[derive(Debug, Clone, Default)]
pub struct SecretDoubt(Arc<AtomicBool>);

impl SecretDoubt {
    /// Raises it, if this is the status of a refused key.
    pub fn of_status(&self, status: u16) {
        if status == 401 {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was raised since the last time.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}
