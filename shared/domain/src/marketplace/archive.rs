//! What an archive that is sold may hold.
//!
//! Members unpack it on machines we know nothing about, so a path must mean the same everywhere,
//! and nothing may be in it that a computer runs or that would have to be unpacked again to be
//! seen.

use serde::{Deserialize, Serialize};

use crate::text::is_visible;

/// Most entries, folders included.
pub const ENTRIES_MAX: usize = 256;
/// Most bytes of all files together, unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Longest path, in bytes. The list of files is kept with the version.
pub const PATH_BYTES_MAX: usize = 120;

/// How the names of files may end: pictures, tables of colours and light, presets as text, notes,
/// and models in the one format that holds nothing but numbers.
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
pub struct ArchivedFile {
    /// Where it is in the archive.
    pub path: String,
    /// Its size, unpacked.
    pub bytes: u64,
}

/// Why an archive is not sold. A path in it is shown as it can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is not one, or it was cut or put together in a way that programs read differently.
    #[error("The archive is damaged: pack it again as an ordinary ZIP file.")]
    Damaged,
    /// There is nothing in it.
    #[error("The archive holds no file.")]
    Empty,
    /// Too many entries.
    #[error("The archive holds more than {ENTRIES_MAX} files and folders.")]
    TooManyEntries,
    /// Too many bytes.
    #[error("The archive is larger than {UNPACKED_BYTES_MAX} bytes when it is unpacked.")]
    TooLarge,
    /// A path that leads elsewhere on some system, or that cannot be read.
    #[error(
        "The archive holds {0:?}: a path is relative, plain, and at most {PATH_BYTES_MAX} bytes."
    )]
    Path(String),
    /// Two entries unpack to one file.
    #[error("The archive holds {0:?} twice.")]
    Twice(String),
    /// A link or a device.
    #[error("The archive holds {0:?}, which is neither a file nor a folder.")]
    NotAFile(String),
    /// It cannot be looked into.
    #[error("The archive holds {0:?} encrypted, or packed in an uncommon way.")]
    Unreadable(String),
    /// Nothing that a preset comes with.
    #[error("The archive holds {0:?}: its files end in one of {known}.", known = EXTENSIONS.join(", "))]
    FileType(String),
    /// Something that runs.
    #[error("The archive holds {0:?}, which is a program.")]
    Program(String),
    /// An archive in the archive.
    #[error("The archive holds {0:?}, which is an archive itself.")]
    Nested(String),
}

impl ArchiveError {
    /// Stable, snake case.
    pub const fn code(&self) -> &'static str {
        match self {
            ArchiveError::Damaged => "archive_damaged",
            ArchiveError::Empty => "archive_empty",
            ArchiveError::TooManyEntries => "archive_too_many_entries",
            ArchiveError::TooLarge => "archive_too_large",
            ArchiveError::Path(_) => "archive_path",
            ArchiveError::Twice(_) => "archive_duplicate",
            ArchiveError::NotAFile(_) => "archive_not_a_file",
            ArchiveError::Unreadable(_) => "archive_unreadable",
            ArchiveError::FileType(_) => "archive_file_type",
            ArchiveError::Program(_) => "archive_program",
            ArchiveError::Nested(_) => "archive_nested",
        }
    }
}

/// The path of an entry; a folder's ends with a slash.
///
/// # Errors
/// [`ArchiveError::Path`] when it is not the same file on every system, below the folder it is
/// unpacked in.
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
/// [`ArchiveError::FileType`] when a file at `path` is none that comes with a preset. What a Mac
/// adds to an archive by itself may stay.
pub fn check_type(path: &str) -> Result<(), ArchiveError> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let of_a_mac = name == ".DS_Store" || (path.starts_with("__MACOSX/") && name.starts_with("._"));
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let is_known = extension.is_some_and(|extension| EXTENSIONS.contains(&&*extension));
    if of_a_mac || is_known { Ok(()) } else { Err(ArchiveError::FileType(path.to_owned())) }
}

/// A path as it can be shown: cut, and with nothing in it that cannot be seen.
pub fn shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let letters = text.chars().take(PATH_BYTES_MAX);
    letters.map(|letter| if is_visible_in_a_path(letter) { letter } else { '\u{fffd}' }).collect()
}

fn is_visible_in_a_path(letter: char) -> bool {
    letter == ' ' || is_visible(letter.encode_utf8(&mut [0; 4]))
}

/// Whether a part of a path names a file or a folder, and the same one everywhere: Windows drops
/// dots and blanks at the end, and has names for devices.
fn is_plain_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let numbered = |port: &str| {
        let number = stem.strip_prefix(port).map(str::as_bytes);
        matches!(number, Some([b'0'..=b'9']))
    };
    let is_device = DEVICES.contains(&&*stem) || numbered("com") || numbered("lpt");
    !name.is_empty() && !name.starts_with(' ') && !name.ends_with(['.', ' ']) && !is_device
}
