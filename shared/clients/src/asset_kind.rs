//! What an asset file is, told from its first bytes and from nothing else.
//!
//! A file is what it says in the very first bytes, or it is refused: whatever an operating system,
//! a shell or a browser would run is none of our kinds, and the kinds that begin freely (a tar
//! with a file name, a table of colors with text) are checked further. What is inside an archive
//! is not looked at. It is only ever handed out as a download, never shown.

use serde::{Deserialize, Serialize};

/// How many first bytes of a file [`AssetKind::sniff`] wants to see. Fewer are enough for a file
/// that has fewer.
pub const HEAD_BYTES: usize = 4096;

/// Largest header of a safetensors file, in bytes: a limit of that format.
const TENSOR_HEADER_MAX: u64 = 100_000_000;
/// Where a tar's header says what it is, and where it has its checksum.
const TAR_MAGIC_AT: usize = 257;
const TAR_CHECKSUM: std::ops::Range<usize> = 148..156;
const TAR_HEADER: usize = 512;
/// What begins like something that runs: ELF, DOS and Windows, Mach-O in both orders and its
/// universal form (also Java), WebAssembly, scripts, markup, PDF, PostScript.
const REFUSED: [&[u8]; 11] = [
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"#!",
    b"<",
    b"%PDF",
    b"%!PS",
];
/// What a line of a table of colors begins with, besides a number.
const CUBE_WORDS: [&str; 4] = ["TITLE", "LUT_", "DOMAIN_", "#"];
/// One of these makes a table of colors (Adobe's Cube LUT Specification 1.0).
const CUBE_SIZES: [&str; 2] = ["LUT_3D_SIZE", "LUT_1D_SIZE"];

/// The kinds of files that are sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A ZIP archive.
    Zip,
    /// A gzip stream, mostly of a tar.
    Gzip,
    /// A POSIX or GNU tar.
    Tar,
    /// Weights of a model.
    Safetensors,
    /// A table of colors (`.cube`).
    Cube,
}

impl AssetKind {
    /// What a file is that begins with `head`, its first [`HEAD_BYTES`]. `None` for everything that
    /// is not sold.
    pub fn sniff(head: &[u8]) -> Option<AssetKind> {
        let head = &head[..head.len().min(HEAD_BYTES)];
        if REFUSED.iter().any(|magic| head.starts_with(magic)) {
            return None;
        }
        match head {
            _ if is_zip(head) => Some(AssetKind::Zip),
            _ if is_gzip(head) => Some(AssetKind::Gzip),
            _ if is_tar(head) => Some(AssetKind::Tar),
            _ if is_safetensors(head) => Some(AssetKind::Safetensors),
            _ if is_cube(head) => Some(AssetKind::Cube),
            _ => None,
        }
    }

    /// The type that it is handed out with.
    pub fn content_type(self) -> &'static str {
        match self {
            AssetKind::Zip => "application/zip",
            AssetKind::Gzip => "application/gzip",
            AssetKind::Tar => "application/x-tar",
            AssetKind::Safetensors => "application/octet-stream",
            AssetKind::Cube => "text/plain",
        }
    }

    /// How the name of such a file ends, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            AssetKind::Zip => "zip",
            AssetKind::Gzip => "gz",
            AssetKind::Tar => "tar",
            AssetKind::Safetensors => "safetensors",
            AssetKind::Cube => "cube",
        }
    }
}

/// A file's header (APPNOTE.TXT 4.3.7) with a name; an archive without files is not worth a sale.
fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") && head.get(26..28).is_some_and(|length| length != [0, 0])
}

/// RFC 1952: deflate, and of the optional fields only a name: nothing hides before the data.
fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b, 8]) && head.get(3).is_some_and(|flags| flags & !8 == 0)
}

fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..TAR_HEADER) else { return false };
    let sum: u32 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| if TAR_CHECKSUM.contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    let stated = std::str::from_utf8(&header[TAR_CHECKSUM]).unwrap_or_default();
    let stated = u32::from_str_radix(stated.trim_matches([' ', '\0']), 8);
    header[TAR_MAGIC_AT..].starts_with(b"ustar") && stated == Ok(sum)
}

/// The length of a JSON object, and its beginning.
fn is_safetensors(head: &[u8]) -> bool {
    let Some((length, json)) = head.split_first_chunk::<8>() else { return false };
    let length = u64::from_le_bytes(*length);
    let json = &json[..json.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
    (2..=TENSOR_HEADER_MAX).contains(&length)
        && json.starts_with(b"{\"")
        && json.iter().all(|byte| !byte.is_ascii_control())
}

fn is_cube(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A letter that is cut at the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
    if head.len() == HEAD_BYTES {
        lines.pop();
    }
    let sized = |line: &&str| CUBE_SIZES.iter().any(|word| line.starts_with(word));
    lines.iter().any(sized) && lines.iter().all(|line| is_cube_line(line))
}

fn is_cube_line(line: &str) -> bool {
    line.is_empty()
        || CUBE_WORDS.iter().any(|word| line.starts_with(word))
        || line.split_ascii_whitespace().all(|word| word.parse::<f32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar(name: &str) -> Vec<u8> {
        let mut header = vec![0; TAR_HEADER];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[TAR_MAGIC_AT..TAR_MAGIC_AT + 6].copy_from_slice(b"ustar\0");
        header[TAR_CHECKSUM].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[TAR_CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header
    }

    fn safetensors(length: u64, json: &str) -> Vec<u8> {
        [&length.to_le_bytes(), json.as_bytes()].concat()
    }

    #[test]
    fn the_first_bytes_say_what_a_file_is() {
        let check = |name: &str, head: &[u8], expected: Option<AssetKind>| {
            assert_eq!(AssetKind::sniff(head), expected, "{name}");
        };
        let zip = |name_length: u8| {
            let mut head = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
            head.extend([0; 16]);
            head.extend([name_length, 0, 0, 0]);
            head.extend(b"<html>.txt");
            head
        };
        check("a ZIP", &zip(10), Some(AssetKind::Zip));
        check("a ZIP's file without a name", &zip(0), None);
        check("an empty ZIP", &[b"PK\x05\x06".as_slice(), &[0; 18]].concat(), None);
        check("a ZIP behind a program", &[b"MZ\x90\0".as_slice(), &zip(10)].concat(), None);
        check("a ZIP behind a page", &[b"<html>".as_slice(), &zip(10)].concat(), None);
        check("a gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", Some(AssetKind::Gzip));
        check("a named gzip", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03a\0", Some(AssetKind::Gzip));
        check("a gzip with a comment", b"\x1f\x8b\x08\x10\0\0\0\0\0\x03%PDF\0", None);
        check("a tar", &tar("presets/soft.json"), Some(AssetKind::Tar));
        check("a tar that runs", &tar("#!/bin/sh"), None);
        check("a tar that is a page", &tar("<script>"), None);
        check("a tar of PDF", &tar("%PDF-1.7"), None);
        check("a tar of ELF", &tar("\x7fELF"), None);
        let mut damaged = tar("presets/soft.json");
        damaged[0] = b'q';
        check("a tar with another checksum", &damaged, None);
        check("a cut tar", &tar("a")[..511], None);
        let json = r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32"}}"#;
        check("weights", &safetensors(52, json), Some(AssetKind::Safetensors));
        check("weights without a header", &safetensors(1, json), None);
        check("weights with a huge header", &safetensors(u64::MAX, json), None);
        check("weights that are a list", &safetensors(52, "[]"), None);
        check("weights that begin like a program", &safetensors(0x5A4D, json), None);
    }

    #[test]
    fn a_table_of_colors_is_nothing_but_one() {
        let check = |name: &str, text: &str, expected: Option<AssetKind>| {
            assert_eq!(AssetKind::sniff(text.as_bytes()), expected, "{name}");
        };
        let rows = "0.1 0.2 0.3\n".repeat(500);
        let cube = Some(AssetKind::Cube);
        check("a table", "TITLE \"Warm\"\nLUT_3D_SIZE 2\n0 0 0\n1 0 0\n", cube);
        check("a mark, comments", "\u{feff}# Ä\r\n\r\nLUT_3D_SIZE 33\r\n-1e-3 0 1\r\n", cube);
        check("a long one", &format!("LUT_1D_SIZE 500\nDOMAIN_MIN 0 0 0\n{rows}"), cube);
        check("no size", "TITLE \"Warm\"\n0 0 0\n", None);
        check("a page", "<html>\nLUT_3D_SIZE 2\n", None);
        check("a page further down", "LUT_3D_SIZE 2\n<script>\n", None);
        check("a script", "#!/bin/sh\nLUT_3D_SIZE 2\n", None);
        check("a script in words", "LUT_3D_SIZE 2\nrm -rf /\n", None);
        check("text", "hello\n", None);
        check("nothing", "", None);
        assert_eq!(AssetKind::sniff(b"LUT_3D_SIZE 2\n\xff\xfe"), None);
    }

    #[test]
    fn nothing_that_runs_is_sold() {
        for magic in REFUSED {
            assert_eq!(AssetKind::sniff(&[magic, &[0; 600]].concat()), None, "{magic:?}");
        }
        assert_eq!(AssetKind::sniff(b"\x89PNG\r\n\x1a\n"), None);
    }
}
