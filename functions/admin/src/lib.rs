//! Stub.

/// None yet.
pub const FUNCTIONS: &[runtime::Function] = &[];
