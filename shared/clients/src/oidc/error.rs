//! Why a token is refused.

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a signed token, or one with unsupported features.
    #[error("the token cannot be read")]
    Malformed,
    /// The issuer has no such key.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// Not signed by that key, or not with that key's algorithm.
    #[error("the token's signature is not valid")]
    Signature,
    /// Issued by another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// Issued for another audience.
    #[error("the token is for another audience")]
    Audience,
    /// Issued to another party.
    #[error("the token was issued to another party")]
    Party,
    /// Its session is not complete.
    #[error("the token is of a session that is not complete")]
    Pending,
    /// Its lifetime is longer than allowed.
    #[error("the token has too long a lifetime")]
    TooLong,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It is not yet valid.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// Its subject is not a valid user id.
    #[error("the token's subject is not usable")]
    Subject,
    /// The issuer's keys are unavailable, so no token can be verified.
    #[error("the issuer's keys are not available: {detail}")]
    KeysUnavailable {
        /// The cause.
        detail: String,
    },
}
