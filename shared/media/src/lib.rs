//! Pixels and file contents: pictures, previews and files for sale, from untrusted bytes.
//!
//! Nothing here talks to a service. Every limit on pixels, bytes and entries is checked before the
//! memory is taken, and what is stored or shown is made from the content, never copied with what
//! else a file carries.

pub mod asset;
pub mod picture;
pub mod preview;

pub use picture::Picture;
pub use preview::Preview;
