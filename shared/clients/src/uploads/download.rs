//! The name under which a browser stores a download.

use domain::marketplace::listing::upload::FILE_NAME_CHARS_MAX;

/// Most characters of a file extension, its dots included.
const ENDING_CHARS_MAX: usize = 16;

/// A `Content-Disposition` for a download called `file_name`, of at most [`FILE_NAME_CHARS_MAX`]
/// characters that are safe in headers and file systems: each run of other characters than ASCII
/// letters, digits, dots, `-` and `_` becomes one `-`. A long name is cut before its extension,
/// which identifies its type.
pub(super) fn attachment(file_name: &str) -> String {
    let mut plain = String::with_capacity(file_name.len());
    for letter in file_name.chars() {
        match letter {
            '.' if plain.is_empty() || plain.ends_with('.') => {}
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' => plain.push(letter),
            _ if plain.is_empty() || plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    let plain = plain.trim_end_matches(['-', '.']);
    let name = if plain.is_empty() { "download".to_owned() } else { shortened(plain) };
    format!("attachment; filename=\"{name}\"")
}

/// A plain name within the limit, with its extension; `.tar.gz` is one extension.
fn shortened(plain: &str) -> String {
    if plain.len() <= FILE_NAME_CHARS_MAX {
        return plain.to_owned();
    }
    let (stem, ending) = plain.rsplit_once('.').unwrap_or((plain, ""));
    let (stem, ending) = match stem.strip_suffix(".tar") {
        Some(stem) => (stem, format!(".tar.{ending}")),
        None if ending.is_empty() => (stem, String::new()),
        None => (stem, format!(".{ending}")),
    };
    // Anything longer behind a dot is not an extension.
    let (stem, ending) = match ending.len() <= ENDING_CHARS_MAX {
        true => (stem, ending.as_str()),
        false => (plain, ""),
    };
    let room = FILE_NAME_CHARS_MAX - ending.len();
    let stem = stem.get(..room).unwrap_or(stem).trim_end_matches(['-', '.']);
    format!("{stem}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_plain() {
        let check = |name: &str, expected: &str| {
            assert_eq!(attachment(name), format!("attachment; filename=\"{expected}\""), "{name}");
        };
        check("presets.zip", "presets.zip");
        check("Soft light (v2).tar.gz", "Soft-light-v2-.tar.gz");
        check("a\"\r\nb.zip", "a-b.zip");
        check("../../etc/passwd", "etc-passwd");
        check("...hidden..zip", "hidden.zip");
        check("Größe.cube", "Gr-e.cube");
        check("光", "download");
        check("", "download");
        check(&"a".repeat(200), &"a".repeat(100));
        check(&format!("{}.zip", "a".repeat(200)), &format!("{}.zip", "a".repeat(96)));
        check(&format!("{}.tar.gz", "a".repeat(200)), &format!("{}.tar.gz", "a".repeat(93)));
        check(&format!("a.{}", "b".repeat(200)), &format!("a.{}", "b".repeat(98)));
        let model = format!("{}a.safetensors", "a-".repeat(43));
        check(&format!("{}.safetensors", "光 a".repeat(90)), &model);
    }
}
