//! The documents that contain a word of the dictionary, and in which field.
//!
//! A blob holds a list of documents for each word. The lists of the most frequent words are
//! unpacked when it is opened, because nearly every search reads some of them: into half a byte for
//! each document, whether it has the word or not.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::termdict::TermDictionary;

/// The points of a field for each quarter of a match, by its number: description, creator, tags,
/// title.
const WORTH: [u8; 5] = [0, 1, 2, 3, 5];

/// A word is frequent if one in so many documents has it: then half a byte of every document is
/// read faster than its list.
const FREQUENT: usize = 16;
/// At most so many words of a layer are unpacked, the most frequent ones.
const UNPACKED_MAX: usize = 96;
/// A smaller layer is read from its lists, because it changes often. Tests have few documents.
const DOCUMENTS_MIN: usize = if cfg!(test) { 32 } else { 4_096 };

/// The words of a layer.
pub(crate) struct Postings {
    lists: Arc<InvertedIndexReader>,
    /// By where its list begins, what a frequent word is worth in each document: those of the first
    /// half in the lower halves of the bytes, those of the second half in the upper ones.
    unpacked: BTreeMap<usize, Box<[u8]>>,
}

impl Postings {
    /// Unpacks the frequent words of a layer of so many documents.
    pub(crate) fn open(lists: Arc<InvertedIndexReader>, documents: usize) -> io::Result<Postings> {
        let mut postings = Postings { lists, unpacked: BTreeMap::new() };
        if documents < DOCUMENTS_MIN {
            return Ok(postings);
        }
        let mut worth = vec![0; padded(documents)];
        for word in frequent(postings.dictionary(), documents)? {
            worth.fill(0);
            postings.add(&word, 1, &mut worth)?;
            let (first, second) = worth.split_at(worth.len() / 2);
            let halves = first.iter().zip(second).map(|(first, second)| first | second << 4);
            postings.unpacked.insert(word.postings_range.start, halves.collect());
        }
        Ok(postings)
    }

    pub(crate) fn dictionary(&self) -> &TermDictionary {
        self.lists.terms()
    }

    /// Raises the points of each document that has the word, by the quarters of its match, where
    /// they are lower. They are padded.
    pub(crate) fn add(&self, word: &TermInfo, quarters: u8, points: &mut [u8]) -> io::Result<()> {
        if let Some(unpacked) = self.unpacked.get(&word.postings_range.start) {
            raise(points, unpacked, quarters);
            return Ok(());
        }
        let worth = WORTH.map(|worth| worth * quarters);
        let option = IndexRecordOption::WithFreqs;
        let mut list = self.lists.read_block_postings_from_terminfo(word, option)?;
        while !list.docs().is_empty() {
            for (document, field) in list.docs().iter().zip(list.freqs()) {
                let worth = worth.get(*field as usize).copied().unwrap_or(0);
                let points = &mut points[*document as usize];
                *points = worth.max(*points);
            }
            list.advance();
        }
        Ok(())
    }
}

/// The most frequent words of a dictionary.
fn frequent(dictionary: &TermDictionary, documents: usize) -> io::Result<Vec<TermInfo>> {
    let mut words = dictionary.range().without_keys().into_stream()?;
    let mut frequent = Vec::new();
    while words.advance() {
        if words.value().doc_freq as usize * FREQUENT >= documents {
            frequent.push(words.value().clone());
        }
    }
    frequent.sort_by_key(|word| Reverse(word.doc_freq));
    frequent.truncate(UNPACKED_MAX);
    Ok(frequent)
}

/// The number of documents with those that pad a layer: [`Bits::of_bytes`] reads eight at once, and
/// the halves are equal.
///
/// [`Bits::of_bytes`]: crate::bits::Bits::of_bytes
pub(crate) fn padded(documents: usize) -> usize {
    documents.next_multiple_of(8)
}

fn raise(points: &mut [u8], unpacked: &[u8], quarters: u8) {
    let (first, second) = points.split_at_mut(unpacked.len());
    for (points, worth) in first.iter_mut().zip(unpacked) {
        *points = ((worth & 15) * quarters).max(*points);
    }
    for (points, worth) in second.iter_mut().zip(unpacked) {
        *points = ((worth >> 4) * quarters).max(*points);
    }
}
