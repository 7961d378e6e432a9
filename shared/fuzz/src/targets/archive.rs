//! Files for sale: what is accepted unpacks below its folder, and every program finds the same
//! files in it.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::{Component, Path},
};

use bytes::Bytes;
use domain::marketplace::listing::{
    archive::{ENTRIES_MAX, UNPACKED_BYTES_MAX},
    upload::AssetKind,
};
use flate2::{Compression, Crc, bufread::DeflateDecoder, write::DeflateEncoder};
use media::asset::{Inspected, inspect, sniff};

/// Most bytes behind an entry that was written as a stream: its sizes.
const DESCRIPTOR_MAX: usize = 24;

/// A file; or, as text, `path=content` in each line, which is packed.
pub(crate) fn read(input: &[u8]) -> bool {
    let lines = input.split(|byte| *byte == b'\n').take(ENTRIES_MAX + 1);
    let entries: Vec<(&[u8], &[u8])> = lines.filter_map(entry).collect();
    let is_packed = !entries.is_empty()
        && [Packing::Stored, Packing::Deflated]
            .map(|packing| is_accepted(&packed(&entries, packing)))
            .contains(&true);
    is_accepted(input) || is_packed
}

fn entry(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == b'=')?;
    Some((&line[..at], &line[at + 1..]))
}

fn is_accepted(file: &[u8]) -> bool {
    let Some(kind) = sniff(file) else { return false };
    let Ok(inspected) = inspect(kind, &Bytes::copy_from_slice(file)) else { return false };
    assert_eq!(inspected.bytes, file.len() as u64);
    if kind == AssetKind::Zip {
        assert_safe(file, &inspected);
    }
    true
}

fn assert_safe(archive: &[u8], Inspected { files, .. }: &Inspected) {
    assert!((1..=ENTRIES_MAX).contains(&files.len()));
    assert!(files.iter().map(|file| file.bytes).sum::<u64>() <= UNPACKED_BYTES_MAX);
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let as_one: BTreeSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
    assert_eq!(as_one.len(), files.len(), "no file is unpacked over another");
    for path in &paths {
        let is_below = Path::new(path).components().all(|it| matches!(it, Component::Normal(_)));
        assert!(is_below && !path.contains(['\\', ':']), "{path:?}");
    }
    if let Some(names) = front_to_back(archive) {
        let names = names.iter().map(|name| str::from_utf8(name).expect("a name is text"));
        let names: BTreeSet<&str> = names.filter(|name| !name.ends_with('/')).collect();
        assert_eq!(names, paths);
    }
}

/// The names that a program finds which reads the archive from its start, without its directory.
/// `None` where such a program would have to guess how long an entry is.
fn front_to_back(archive: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut names, mut rest) = (Vec::new(), archive);
    while let Some(entry) = rest.strip_prefix(b"PK\x03\x04") {
        let (head, behind) = entry.split_at_checked(26)?;
        let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let (is_streamed, method) = (short(2) & 8 != 0, short(4));
        let packed = u32::from(short(14)) | u32::from(short(16)) << 16;
        let (name, behind) = behind.split_at_checked(usize::from(short(22)))?;
        let data = behind.get(usize::from(short(24))..)?;
        names.push(name);
        rest = match (is_streamed, method) {
            (false, _) if packed < u32::MAX => data.get(packed as usize..)?,
            (true, 8) => next_entry(data.get(inflated_length(data)?..)?)?,
            _ => return None,
        };
    }
    Some(names)
}

/// The number of bytes that unpack to something, which ends by itself.
fn inflated_length(data: &[u8]) -> Option<usize> {
    let mut inflated = DeflateDecoder::new(data);
    io::copy(&mut inflated, &mut io::sink()).ok()?;
    usize::try_from(inflated.total_in()).ok()
}

/// What is behind the sizes of an entry: another one, or the directory.
fn next_entry(rest: &[u8]) -> Option<&[u8]> {
    let begins =
        |rest: &&[u8]| [b"PK\x03\x04", b"PK\x01\x02"].iter().any(|it| rest.starts_with(*it));
    (0..=DESCRIPTOR_MAX).filter_map(|gap| rest.get(gap..)).find(begins)
}

#[derive(Clone, Copy)]
enum Packing {
    Stored,
    Deflated,
}

/// An archive of these paths and contents (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16).
fn packed(entries: &[(&[u8], &[u8])], packing: Packing) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::<u8>::new(), Vec::<u8>::new());
    for (path, content) in entries {
        let (method, data) = match packing {
            Packing::Stored => (0, content.to_vec()),
            Packing::Deflated => (8, deflated(content)),
        };
        let mut crc = Crc::new();
        crc.update(content);
        // From the version to the lengths of the name and of extra fields.
        let mut head = Vec::<u8>::new();
        [20_u16, 0, method, 0, 0x21].iter().for_each(|it| head.extend(it.to_le_bytes()));
        let numbers = [crc.sum(), data.len() as u32, content.len() as u32];
        numbers.iter().for_each(|it| head.extend(it.to_le_bytes()));
        head.extend((path.len() as u16).to_le_bytes());
        head.extend([0, 0]);
        let place = archive.len() as u32;
        directory.extend([b"PK\x01\x02\x14\0".as_slice(), &head, &[0; 10]].concat());
        directory.extend([&place.to_le_bytes(), *path].concat());
        archive.extend([b"PK\x03\x04".as_slice(), &head, *path, &data].concat());
    }
    let (count, place) = (entries.len() as u16, archive.len() as u32);
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes().repeat(2));
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(place.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("memory is written");
    encoder.finish().expect("memory is written")
}

/// Archives, and a model.
pub(crate) fn made() -> Vec<Vec<u8>> {
    let entries: [(&[u8], &[u8]); 3] =
        [(b"Luts/", b""), (b"Luts/warm.cube", b"LUT_3D_SIZE 2\n"), (b"a.txt", b"PK and more")];
    let tensors = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let length = (tensors.len() as u64).to_le_bytes();
    let model = [&length, tensors.as_slice(), &[0; 8]].concat();
    vec![packed(&entries, Packing::Stored), packed(&entries, Packing::Deflated), model]
}
