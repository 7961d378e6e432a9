//! Pagination cursors, opaque to callers.
//!
//! A cursor holds the rank of the last result and a digest of the rank and the query. The digest
//! has no key: a forged cursor only reads results that anyone may read. It keeps a damaged cursor,
//! or one of another query, from skipping results silently.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::document::Key;
use crate::query::{Matched, Wanted};
use crate::rank::Rank;
use crate::{CatalogueError, SearchError};

const RANK_BYTES: usize = 8 + 8 + 16;
/// 45 bytes in all, which is 60 characters without spare bits, so that each cursor has one
/// spelling.
const DIGEST_BYTES: usize = 13;

/// The cursor after `last`.
pub(crate) fn behind(
    last: Rank,
    wanted: &Wanted,
    matched: Matched,
) -> Result<String, CatalogueError> {
    let mut bytes = Vec::with_capacity(RANK_BYTES + DIGEST_BYTES);
    bytes.extend_from_slice(&last.value.to_be_bytes());
    bytes.extend_from_slice(&last.published_at.to_be_bytes());
    bytes.extend_from_slice(&last.key.0.to_be_bytes());
    let digest = digest(&bytes, wanted, matched)?;
    bytes.extend_from_slice(&digest);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The rank that `cursor` encodes, and how the results were matched, which the next page continues.
///
/// # Errors
/// [`SearchError::Cursor`] if it was not issued for this query.
pub(crate) fn read(cursor: &str, wanted: &Wanted) -> Result<(Rank, Matched), SearchError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| SearchError::Cursor)?;
    let (rank, proof) = bytes.split_at_checked(RANK_BYTES).ok_or(SearchError::Cursor)?;
    let matched = if proof == digest(rank, wanted, Matched::AllWords)? {
        Matched::AllWords
    } else if proof == digest(rank, wanted, Matched::AllButOne)? {
        Matched::AllButOne
    } else {
        return Err(SearchError::Cursor);
    };
    let (value, rank) = part(rank)?;
    let (published_at, rank) = part(rank)?;
    let (key, _) = part(rank)?;
    let rank = Rank {
        value: u64::from_be_bytes(value),
        published_at: i64::from_be_bytes(published_at),
        key: Key(u128::from_be_bytes(key)),
    };
    Ok((rank, matched))
}

fn part<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), SearchError> {
    bytes.split_first_chunk::<N>().map(|(part, rest)| (*part, rest)).ok_or(SearchError::Cursor)
}

fn digest(
    rank: &[u8],
    wanted: &Wanted,
    matched: Matched,
) -> Result<[u8; DIGEST_BYTES], CatalogueError> {
    let mut hash = Sha256::new();
    hash.update(rank);
    hash.update(serde_json::to_vec(&(wanted, matched))?);
    let mut digest = [0; DIGEST_BYTES];
    digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    Ok(digest)
}
