//! Inspection of a ZIP archive: every entry is unpacked, counted and discarded.
//!
//! Declared sizes only serve as a limit that is checked first. `rawzip` reads the entries one at a
//! time, so an archive that claims millions of them costs no memory. Entries must fill the archive
//! from its first byte to its directory, and what is packed must fill its entry: programs that read
//! an archive front to back and programs that read its directory then find the same files, and no
//! two entries can share bytes.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read},
};

use domain::marketplace::listing::archive::{
    ArchiveError, ArchivedFile, ENTRIES_MAX, UNPACKED_BYTES_MAX, check_type, checked_path, shown,
};
use flate2::bufread::DeflateDecoder;
use rawzip::{
    CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive, ZipSliceEntry,
    extra_fields::{ExtraFieldId, ExtraFields},
};

use super::kind::{HEAD_BYTES, is_archive, is_program};

/// Most bytes behind an entry: the sizes of one that was written as a stream
/// (APPNOTE.TXT 4.3.9, with its signature and sizes of eight bytes).
const DESCRIPTOR_MAX: u64 = 24;
/// Bytes unpacked at once.
const PIECE: usize = 64 * 1024;
/// The file type in a Unix mode, and the two accepted types; zero means unknown.
const TYPE_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// The files of an archive, in the order of its directory.
///
/// # Errors
/// See [`ArchiveError`].
pub(crate) fn files_in(bytes: &[u8]) -> Result<Vec<ArchivedFile>, ArchiveError> {
    files_within(bytes, UNPACKED_BYTES_MAX)
}

fn files_within(bytes: &[u8], unpacked_max: u64) -> Result<Vec<ArchivedFile>, ArchiveError> {
    let archive = ZipArchive::from_slice(bytes).map_err(damaged)?;
    if archive.entries_hint() > ENTRIES_MAX as u64 {
        return Err(ArchiveError::TooManyEntries);
    }
    let mut found = Found { room: unpacked_max, ..Found::default() };
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(damaged)? {
        found.add(&archive, &entry)?;
    }
    let is_whole =
        found.fill(archive.directory_offset()) && archive.end_offset() == bytes.len() as u64;
    if !is_whole || found.paths.len() as u64 != archive.entries_hint() {
        return Err(ArchiveError::Damaged);
    }
    if found.files.is_empty() { Err(ArchiveError::Empty) } else { Ok(found.files) }
}

/// The files found so far.
#[derive(Default)]
struct Found {
    files: Vec<ArchivedFile>,
    /// In lower case: case-insensitive systems unpack two such files into one.
    paths: BTreeSet<String>,
    /// Where the entries begin and end in the archive, and most bytes behind each.
    places: Vec<(u64, u64, u64)>,
    /// Bytes that may still be unpacked.
    room: u64,
}

impl Found {
    fn add(
        &mut self,
        archive: &ZipSliceArchive<&[u8]>,
        entry: &ZipFileHeaderRecord<'_>,
    ) -> Result<(), ArchiveError> {
        if self.paths.len() == ENTRIES_MAX {
            return Err(ArchiveError::TooManyEntries);
        }
        let raw = entry.file_path();
        let path = checked_path(raw.as_bytes())?;
        let local = archive.get_entry(entry.wayfinder()).map_err(damaged)?;
        check_names(raw.as_bytes(), entry, &local)?;
        if !self.paths.insert(path.trim_end_matches('/').to_lowercase()) {
            return Err(ArchiveError::Twice(path.to_owned()));
        }
        let (begin, (_, end)) = (entry.local_header_offset(), local.compressed_data_range());
        let is_streamed = local.local_header().flags().has_data_descriptor();
        self.places.push((begin, end, if is_streamed { DESCRIPTOR_MAX } else { 0 }));
        let is_folder = path.ends_with('/');
        // The archive declares the system an entry was made on: some programs ignore it and go by
        // the type alone.
        match (entry.external_attributes() >> 16) & TYPE_MASK {
            0 | REGULAR => {}
            FOLDER if is_folder => {}
            _ => return Err(ArchiveError::NotAFile(path.to_owned())),
        }
        if !is_folder {
            check_type(path)?;
        }
        let (bytes, head) = self.unpack(path, entry, &local)?;
        if is_folder {
            return if bytes == 0 { Ok(()) } else { Err(ArchiveError::Damaged) };
        }
        if is_program(&head) {
            return Err(ArchiveError::Program(path.to_owned()));
        }
        if is_archive(&head) {
            return Err(ArchiveError::Nested(path.to_owned()));
        }
        self.files.push(ArchivedFile { path: path.to_owned(), bytes });
        Ok(())
    }

    /// The real size of an entry, and its first bytes.
    fn unpack(
        &mut self,
        path: &str,
        entry: &ZipFileHeaderRecord<'_>,
        local: &ZipSliceEntry<'_>,
    ) -> Result<(u64, Vec<u8>), ArchiveError> {
        let (head, packed) = (local.local_header(), local.data());
        let method = entry.compression_method();
        let is_locked = entry.flags().is_encrypted() || head.flags().is_encrypted();
        if is_locked || head.compression_method() != method {
            return Err(ArchiveError::Unreadable(path.to_owned()));
        }
        // Behind an entry that is written as a stream, its sizes are known only after its data.
        let is_sized = !head.flags().has_data_descriptor();
        let sizes = (head.compressed_size_hint(), head.uncompressed_size_hint());
        if is_sized && sizes != (entry.compressed_size_hint(), entry.uncompressed_size_hint()) {
            return Err(ArchiveError::Damaged);
        }
        let (mut stored, mut inflated) = (packed, DeflateDecoder::new(packed));
        let unpacked: &mut dyn Read = match method {
            CompressionMethod::STORE => &mut stored,
            CompressionMethod::DEFLATE => &mut inflated,
            _ => return Err(ArchiveError::Unreadable(path.to_owned())),
        };
        let mut reader = local.verifying_reader(unpacked);
        let (mut bytes, mut head, mut piece) = (0, Vec::new(), vec![0; PIECE]);
        loop {
            let read = match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(ArchiveError::Damaged),
            };
            self.room = self.room.checked_sub(read as u64).ok_or(ArchiveError::TooLarge)?;
            bytes += read as u64;
            head.extend_from_slice(&piece[..read.min(HEAD_BYTES - head.len())]);
        }
        let is_whole =
            method == CompressionMethod::STORE || inflated.total_in() == packed.len() as u64;
        if is_whole { Ok((bytes, head)) } else { Err(ArchiveError::Damaged) }
    }

    /// Whether the entries fill the archive up to its directory without gaps.
    fn fill(&mut self, directory: u64) -> bool {
        self.places.sort_unstable();
        let ends = self.places.iter().map(|(_, end, behind)| (*end, *behind));
        let begins = self.places.iter().map(|(begin, ..)| *begin).chain([directory]);
        std::iter::once((0, 0))
            .chain(ends)
            .zip(begins)
            .all(|((end, behind), begin)| begin.checked_sub(end).is_some_and(|gap| gap <= behind))
    }
}

/// An entry has one name: in the directory, before its data, and as Unicode in an extra field
/// (Info-ZIP's 0x7075: a version, a checksum, the name).
fn check_names(
    name: &[u8],
    entry: &ZipFileHeaderRecord<'_>,
    local: &ZipSliceEntry<'_>,
) -> Result<(), ArchiveError> {
    let head = local.local_header();
    let renamed = |fields: ExtraFields<'_>| {
        let mut fields = fields;
        fields.any(|(id, field)| {
            id == ExtraFieldId::INFO_ZIP_UNICODE_PATH && field.get(5..) != Some(name)
        })
    };
    let is_one = head.file_path().as_bytes() == name
        && !renamed(entry.extra_fields())
        && !renamed(head.extra_fields());
    if is_one { Ok(()) } else { Err(ArchiveError::Path(shown(name))) }
}

fn damaged(_: rawzip::Error) -> ArchiveError {
    ArchiveError::Damaged
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use domain::DomainError;
    use flate2::{Compression, write::DeflateEncoder};
    use rawzip::{ZipArchiveWriter, extra_fields::ExtraFieldId, path::EntryPath};

    use super::*;

    /// An archive of files and folders, packed as most programs do.
    fn packed(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut archive = ZipArchiveWriter::new(Vec::new());
        for (path, data) in entries {
            let file = archive.new_file(EntryPath::verbatim(path.to_vec()));
            let (mut entry, config) =
                file.compression_method(CompressionMethod::DEFLATE).start().unwrap();
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
            writer.write_all(data).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap()
    }

    /// An archive of one file whose packed data is followed by `end`, which counts as packed.
    fn longer(end: &[u8]) -> Vec<u8> {
        let mut archive = ZipArchiveWriter::new(Vec::new());
        let file = archive.new_file("a.txt").compression_method(CompressionMethod::DEFLATE);
        let (mut entry, config) = file.start().unwrap();
        let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
        writer.write_all(b"a").unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.write_all(end).unwrap();
        entry.finish(descriptor).unwrap();
        archive.finish().unwrap()
    }

    fn code(archive: &[u8]) -> &'static str {
        files_in(archive).map_or_else(|refused| refused.code(), |_| "fine")
    }

    /// The same archive with `from` replaced by `to` of the same length.
    fn changed(archive: &[u8], from: &[u8], to: &[u8], most: usize) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let (mut archive, mut left) = (archive.to_vec(), most);
        for at in 0..archive.len() - from.len() {
            if left > 0 && archive[at..].starts_with(from) {
                archive[at..at + from.len()].copy_from_slice(to);
                left -= 1;
            }
        }
        assert_eq!(left, 0, "{from:?} occurs too rarely");
        archive
    }

    #[test]
    fn files_are_listed_with_the_sizes_they_really_have() {
        let table = b"LUT_3D_SIZE 2\n".repeat(1_000);
        let archive = packed(&[
            (b"Luts/", b""),
            (b"Luts/warm.cube", &table),
            ("Luts/größe.txt".as_bytes(), b"Hello"),
            (b"__MACOSX/Luts/._warm.cube", b"\0\x05\x16\x07"),
        ]);
        let files = files_in(&archive).unwrap();
        let files: Vec<(&str, u64)> = files.iter().map(|it| (&*it.path, it.bytes)).collect();
        let expected =
            [("Luts/warm.cube", 14_000), ("Luts/größe.txt", 5), ("__MACOSX/Luts/._warm.cube", 4)];
        assert_eq!(files, expected);
    }

    #[test]
    fn what_is_in_it_is_named() {
        let check = |name: &str, path: &[u8], data: &[u8], expected: &str| {
            let archive = packed(&[(b"a.txt", b"a"), (path, data)]);
            assert_eq!(code(&archive), expected, "{name}");
        };
        check("a program by its name", b"setup.exe", b"hello", "archive_file_type");
        check("a program by its bytes", b"light.png", b"MZ\x90\0", "archive_program");
        check("a script", b"readme.txt", b"#!/bin/sh\n", "archive_program");
        check("an archive", b"luts.png", b"PK\x03\x04", "archive_nested");
        check("an archive by its name", b"luts.zip", b"", "archive_file_type");
        let tar = [&[b'a'; 257], b"ustar\0".as_slice()].concat();
        check("a tar", b"luts.txt", &tar, "archive_nested");
        check("up", b"../a.txt", b"a", "archive_path");
        check("absolute", b"/a.txt", b"a", "archive_path");
        check("a drive", b"C:\\a.txt", b"a", "archive_path");
        check("a cut name", b"a.txt\0.exe", b"a", "archive_path");
        check("twice", b"A.TXT", b"a", "archive_duplicate");
        check("a folder that holds something", b"a/", b"a", "archive_damaged");
        let only_folders = packed(&[(b"a/", b"")]);
        assert_eq!(code(&only_folders), "archive_empty");
        assert_eq!(code(&packed(&[])), "archive_empty");
    }

    #[test]
    fn entries_are_counted_and_declared_sizes_are_not_trusted() {
        let names: Vec<String> = (0..=ENTRIES_MAX).map(|nth| format!("{nth}.txt")).collect();
        let entries: Vec<(&[u8], &[u8])> =
            names.iter().map(|name| (name.as_bytes(), b"a".as_slice())).collect();
        assert_eq!(code(&packed(&entries[1..])), "fine");
        let many = packed(&entries);
        assert_eq!(code(&many), "archive_too_many_entries");
        // The end of the directory has the number of entries twice (APPNOTE.TXT 4.3.16).
        let counting = |archive: &[u8], entries: u16| {
            let mut archive = archive.to_vec();
            let at = archive.len() - 22 + 8;
            archive[at..at + 4].copy_from_slice(&entries.to_le_bytes().repeat(2));
            archive
        };
        assert_eq!(code(&counting(&many, 3)), "archive_too_many_entries", "it declares three");
        let one = packed(&[(b"a.txt", b"a"), (b"b.txt", b"b")]);
        assert_eq!(code(&counting(&one, 2)), "fine");
        assert_eq!(code(&counting(&one, 1)), "archive_damaged", "it declares one");
        let other_size = changed(&one, &[1, 0, 0, 0, 5, 0], &[2, 0, 0, 0, 5, 0], 2);
        assert_eq!(code(&other_size), "archive_damaged", "the declared size is wrong");
    }

    #[test]
    fn a_zip_bomb_is_refused_early() {
        let zeros = vec![0; 1_000_000];
        let bomb = packed(&[(b"a.txt", &zeros), (b"b.txt", &zeros)]);
        assert!(bomb.len() < 5_000, "{}", bomb.len());
        let check = |unpacked_max: u64, expected: Result<usize, ArchiveError>| {
            assert_eq!(files_within(&bomb, unpacked_max).map(|files| files.len()), expected);
        };
        check(2_000_000, Ok(2));
        check(1_999_999, Err(ArchiveError::TooLarge));
        let small = changed(&bomb, &1_000_000_u32.to_le_bytes(), &5_u32.to_le_bytes(), 4);
        let check = |unpacked_max: u64, expected: &str| {
            let found = files_within(&small, unpacked_max);
            assert_eq!(found.map_or_else(|refused| refused.code(), |_| "fine"), expected);
        };
        // An entry larger than its declared size is refused at the first piece, whatever the limit.
        check(10_000, "archive_damaged");
        check(9_000_000, "archive_damaged");
    }

    #[test]
    fn what_programs_read_differently_is_refused() {
        let archive = packed(&[(b"good.txt", b"a"), (b"b.txt", b"b")]);
        assert_eq!(code(&archive), "fine");
        let renamed = changed(&archive, b"good.txt", b"evil.txt", 1);
        assert_eq!(code(&renamed), "archive_path", "another name before its data");
        let before = [b"MZ".as_slice(), &archive].concat();
        assert_eq!(code(&before), "archive_damaged", "something before the first entry");
        let behind = [archive.as_slice(), b"MZ"].concat();
        assert_eq!(code(&behind), "archive_damaged", "something behind the end");
        assert_eq!(code(&archive[..archive.len() - 4]), "archive_damaged", "truncated");
        let locked = changed(&archive, b"PK\x03\x04\x14\0\x08", b"PK\x03\x04\x14\0\x09", 1);
        assert_eq!(code(&locked), "archive_unreadable", "an encrypted entry");
        let sized = changed(&archive, b"PK\x03\x04\x14\0\x08", b"PK\x03\x04\x14\0\0", 2);
        assert_eq!(code(&sized), "archive_damaged", "other sizes before the data");
        assert_eq!(code(&longer(b"")), "fine");
        let hidden = longer(b"PK\x03\x04 another entry");
        assert_eq!(code(&hidden), "archive_damaged", "something behind the packed data");

        let mut linked = ZipArchiveWriter::new(Vec::new());
        let (mut entry, config) =
            linked.new_file("a.txt").unix_permissions(0o120_777).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(b"/etc/passwd").unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
        assert_eq!(code(&linked.finish().unwrap()), "archive_not_a_file", "a link");

        let mut twofold = ZipArchiveWriter::new(Vec::new());
        let field = [&[1, 0, 0, 0, 0], b"../evil.txt".as_slice()].concat();
        let name = ExtraFieldId::INFO_ZIP_UNICODE_PATH;
        let file = twofold.new_file("a.txt");
        let file = file.extra_field(name, &field, rawzip::Header::default()).unwrap();
        let (mut entry, config) = file.start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(b"a").unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
        assert_eq!(code(&twofold.finish().unwrap()), "archive_path", "another name in Unicode");
    }
}
