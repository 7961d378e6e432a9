//! What an archive that is sold may contain.
//!
//! Members unpack it on unknown machines, so a path must mean the same everywhere, and it may
//! contain neither programs nor nested archives, which would hide their content.

use serde::{Deserialize, Serialize};

use crate::text::is_visible;

/// Most entries, folders included.
pub const ENTRIES_MAX: usize = 256;
/// Most bytes of all files together, unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Longest path, in bytes. The list of files is stored with the version.
pub const PATH_BYTES_MAX: usize = 120;

/// Allowed file extensions: images, color and light tables, presets as text, notes, and models in
/// the one format that holds only data.
const EXTENSIONS: [&str; 25] = [
    "3dl",
    "costyle",
    "csv",
    "cube",
    "dng",
    "exr",
    "hdr",
    "ies",
    "jpeg",
    "jpg",
    "json",
    "look",
    "lrtemplate",
    "md",
    "png",
    "safetensors",
    "tif",
    "tiff",
    "toml",
    "tsv",
    "txt",
    "webp",
    "xmp",
    "yaml",
    "yml",
];
/// Names that are devices on Windows, whatever their extension.
const DEVICES: [&str; 6] = ["aux", "con", "nul", "prn", "conin$", "conout$"];

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ArchivedFile {
    /// Its path in the archive.
    pub path: String,
    /// Its size, unpacked.
    pub bytes: u64,
}

/// Why an archive is refused. Paths are shown with unreadable characters replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is no archive, or is truncated or ambiguous so that programs read it differently.
    #[error("The archive is damaged: pack it again as an ordinary ZIP file.")]
    Damaged,
    /// It is empty.
    #[error("The archive contains no file.")]
    Empty,
    /// Too many entries.
    #[error("The archive contains more than {ENTRIES_MAX} files and folders.")]
    TooManyEntries,
    /// Too many bytes.
    #[error("The archive is larger than {UNPACKED_BYTES_MAX} bytes when unpacked.")]
    TooLarge,
    /// A path that leads elsewhere on some system, or is unreadable.
    #[error(
        "The archive contains {0:?}: paths are relative, plain and at most {PATH_BYTES_MAX} bytes."
    )]
    Path(String),
    /// Two entries unpack to one file.
    #[error("The archive contains {0:?} twice.")]
    Twice(String),
    /// A link or a device.
    #[error("The archive contains {0:?}, which is neither a file nor a folder.")]
    NotAFile(String),
    /// An entry that cannot be inspected.
    #[error("The archive contains {0:?} encrypted, or compressed in an unsupported way.")]
    Unreadable(String),
    /// A file type that is not allowed.
    #[error(
        "The archive contains {0:?}: files must end in one of {known}.",
        known = EXTENSIONS.join(", ")
    )]
    FileType(String),
    /// An executable.
    #[error("The archive contains {0:?}, which is a program.")]
    Program(String),
    /// A nested archive.
    #[error("The archive contains {0:?}, which is itself an archive.")]
    Nested(String),
}

crate::domain_error! {
    ArchiveError {
        Damaged => Invalid, "archive_damaged";
        Empty => Invalid, "archive_empty";
        TooManyEntries => Invalid, "archive_too_many_entries";
        TooLarge => Invalid, "archive_too_large";
        Path => Invalid, "archive_path";
        Twice => Invalid, "archive_duplicate";
        NotAFile => Invalid, "archive_not_a_file";
        Unreadable => Invalid, "archive_unreadable";
        FileType => Invalid, "archive_file_type";
        Program => Invalid, "archive_program";
        Nested => Invalid, "archive_nested";
    }
}

/// Validates the path of an entry; a folder's path ends with a slash.
///
/// # Errors
/// [`ArchiveError::Path`] when it does not name the same file on every system, below the folder it
/// is unpacked into.
pub fn checked_path(raw: &[u8]) -> Result<&str, ArchiveError> {
    let refused = || ArchiveError::Path(shown(raw));
    let path = std::str::from_utf8(raw).map_err(|_| refused())?;
    let plain =
        is_visible(path) && !path.contains(['\\', ':', '*', '?', '"', '<', '>', '|', '\n', '\t']);
    let folders = path.strip_suffix('/').unwrap_or(path).split('/');
    let is_fine = plain && path.len() <= PATH_BYTES_MAX && folders.into_iter().all(is_plain_name);
    if is_fine { Ok(path) } else { Err(refused()) }
}

/// # Errors
/// [`ArchiveError::FileType`] when the file type is not allowed. Metadata that macOS adds to
/// archives is allowed.
pub fn check_type(path: &str) -> Result<(), ArchiveError> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let of_a_mac = name == ".DS_Store" || (path.starts_with("__MACOSX/") && name.starts_with("._"));
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let is_known = extension.is_some_and(|extension| EXTENSIONS.contains(&&*extension));
    if of_a_mac || is_known { Ok(()) } else { Err(ArchiveError::FileType(path.to_owned())) }
}

/// A path for display: truncated, with invisible characters replaced.
pub fn shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let letters = text.chars().take(PATH_BYTES_MAX);
    letters.map(|letter| if is_visible_in_a_path(letter) { letter } else { '\u{fffd}' }).collect()
}

fn is_visible_in_a_path(letter: char) -> bool {
    letter == ' ' || is_visible(letter.encode_utf8(&mut [0; 4]))
}

/// Whether a path segment names the same file or folder everywhere: Windows drops trailing dots and
/// spaces, and reserves device names.
fn is_plain_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let numbered = |port: &str| {
        let number = stem.strip_prefix(port).map(str::as_bytes);
        matches!(number, Some([b'0'..=b'9']))
    };
    let is_device = DEVICES.contains(&&*stem) || numbered("com") || numbered("lpt");
    !name.is_empty() && !name.starts_with(' ') && !name.ends_with(['.', ' ']) && !is_device
}
