//! The kind of an asset file, from its first bytes alone.
//!
//! A file that any operating system, shell or browser would run is refused. A LUT (table of colors)
//! is plain text at its start and is checked further. [`super::inspect`] then inspects the whole
//! file. Files are only served as downloads, never displayed.

use domain::marketplace::listing::upload::AssetKind;

/// The number of first bytes that [`sniff`] needs; a shorter file is passed whole.
pub const HEAD_BYTES: usize = 4096;

/// Largest header of a safetensors file, in bytes: a limit of that format.
const TENSOR_HEADER_MAX: u64 = 100_000_000;
/// The offset of the magic in a tar header.
const TAR_MAGIC_AT: usize = 257;
/// First bytes of executables: ELF, DOS and Windows, Mach-O in both orders and its universal form
/// (also Java), WebAssembly, scripts, and links of Windows.
const PROGRAMS: [&[u8]; 9] = [
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"#!",
    b"L\0\0\0\x01\x14\x02\0",
];
/// First bytes of archives and compressed streams: ZIP, gzip, compress, bzip2, xz, Zstandard, LZ4,
/// lzip, 7z, RAR, cabinet, ar, xar, and the compound files of installers and old documents.
const ARCHIVES: [&[u8]; 16] = [
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\x1f\x8b",
    b"\x1f\x9d",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"LZIP",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"MSCF",
    b"!<arch>",
    b"xar!",
    b"\xd0\xcf\x11\xe0",
];
/// First bytes of documents that can run code, refused as executables are: markup, PDF, PostScript.
const DOCUMENTS: [&[u8]; 3] = [b"<", b"%PDF", b"%!PS"];
/// Line starts of a LUT, besides numbers.
const CUBE_WORDS: [&str; 4] = ["TITLE", "LUT_", "DOMAIN_", "#"];
/// A LUT has one of these (Adobe's Cube LUT Specification 1.0).
const CUBE_SIZES: [&str; 2] = ["LUT_3D_SIZE", "LUT_1D_SIZE"];

/// The kind of a file that begins with `head`, its first [`HEAD_BYTES`]; `None` if it cannot be
/// sold.
pub fn sniff(head: &[u8]) -> Option<AssetKind> {
    let head = &head[..head.len().min(HEAD_BYTES)];
    if is_program(head) || DOCUMENTS.iter().any(|magic| head.starts_with(magic)) {
        return None;
    }
    match head {
        _ if is_zip(head) => Some(AssetKind::Zip),
        _ if is_safetensors(head) => Some(AssetKind::Safetensors),
        _ if is_cube(head, head.len() == HEAD_BYTES) => Some(AssetKind::Cube),
        _ => None,
    }
}

/// Whether an archived file that begins with `head` is executable.
pub(crate) fn is_program(head: &[u8]) -> bool {
    PROGRAMS.iter().any(|magic| head.starts_with(magic))
}

/// Whether an archived file that begins with `head` is an archive.
pub(crate) fn is_archive(head: &[u8]) -> bool {
    let is_tar = head.get(TAR_MAGIC_AT..).is_some_and(|rest| rest.starts_with(b"ustar"));
    is_tar || ARCHIVES.iter().any(|magic| head.starts_with(magic))
}

/// A file header (APPNOTE.TXT 4.3.7) with a name; an archive without files cannot be sold.
fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") && head.get(26..28).is_some_and(|length| length != [0, 0])
}

/// The length of a JSON object, followed by its beginning.
fn is_safetensors(head: &[u8]) -> bool {
    let Some((length, json)) = head.split_first_chunk::<8>() else { return false };
    let length = u64::from_le_bytes(*length);
    let json = &json[..json.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
    (2..=TENSOR_HEADER_MAX).contains(&length)
        && json.starts_with(b"{\"")
        && json.iter().all(|byte| !byte.is_ascii_control())
}

/// Whether `text` is a LUT, or the beginning of one.
pub(crate) fn is_cube(bytes: &[u8], is_cut: bool) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // A character cut at the end.
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let end = if is_cut { text.rfind('\n').unwrap_or_default() } else { text.len() };
    let (mut is_sized, mut is_table) = (false, true);
    for line in text[..end].lines().map(str::trim) {
        is_sized |= CUBE_SIZES.iter().any(|word| line.starts_with(word));
        is_table &= is_cube_line(line);
    }
    is_sized && is_table
}

fn is_cube_line(line: &str) -> bool {
    line.is_empty()
        || CUBE_WORDS.iter().any(|word| line.starts_with(word))
        || line.split_ascii_whitespace().all(|word| word.parse::<f32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safetensors(length: u64, json: &str) -> Vec<u8> {
        [&length.to_le_bytes(), json.as_bytes()].concat()
    }

    #[test]
    fn the_first_bytes_say_what_a_file_is() {
        let check = |name: &str, head: &[u8], expected: Option<AssetKind>| {
            assert_eq!(sniff(head), expected, "{name}");
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
        check("a gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", None);
        check("a tar", &[b"a.cube".as_slice(), &[0; 251], b"ustar\0"].concat(), None);
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
            assert_eq!(sniff(text.as_bytes()), expected, "{name}");
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
        assert_eq!(sniff(b"LUT_3D_SIZE 2\n\xff\xfe"), None);
    }

    #[test]
    fn nothing_that_runs_is_sold() {
        for magic in PROGRAMS.iter().chain(&DOCUMENTS) {
            assert_eq!(sniff(&[*magic, &[0; 600]].concat()), None, "{magic:?}");
        }
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n"), None);
    }
}
