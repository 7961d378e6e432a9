//! Sets of documents, with one bit for each document of a layer.

/// A set of documents. Sets that meet are of the same layer, so they have the same length; the bits
/// behind its last document are zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits(Box<[u64]>);

/// The documents of one word.
const WORD: usize = u64::BITS as usize;

impl Bits {
    /// None of this many documents.
    pub(crate) fn none(documents: usize) -> Bits {
        Bits(vec![0; documents.div_ceil(WORD)].into())
    }

    /// All of this many documents.
    pub(crate) fn all(documents: usize) -> Bits {
        let mut words = vec![u64::MAX; documents.div_ceil(WORD)];
        if let Some(last) = words.last_mut() {
            *last >>= (WORD - documents % WORD) % WORD;
        }
        Bits(words.into())
    }

    /// The documents whose value is one of those.
    pub(crate) fn of<T>(values: &[T], contains: impl Fn(&T) -> bool) -> Bits {
        let word = |values: &[T]| {
            values.iter().rev().fold(0, |word, value| word << 1 | u64::from(contains(value)))
        };
        Bits(values.chunks(WORD).map(word).collect())
    }

    /// The documents whose byte is not zero. The bytes are padded with zeros to a multiple of
    /// eight.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Bits {
        const REST: u64 = !(LAST << 7);
        // The highest bit of a byte becomes one if any is: adding 127 carries into it.
        gathered(bytes, |eight| (((eight & REST) + REST) | eight) >> 7)
    }

    /// The documents whose byte has a one at this binary digit, from the last, 0. The bytes are
    /// padded as in [`Bits::of_bytes`].
    pub(crate) fn of_digit(bytes: &[u8], digit: u32) -> Bits {
        gathered(bytes, |eight| eight >> digit)
    }

    /// None of the documents of the layer that `other` is of.
    pub(crate) fn none_like(other: &Bits) -> Bits {
        Bits(vec![0; other.0.len()].into())
    }

    pub(crate) fn has(&self, document: u32) -> bool {
        let (word, bit) = place(document);
        self.0.get(word).is_some_and(|word| word & bit > 0)
    }

    pub(crate) fn set(&mut self, document: u32) {
        let (word, bit) = place(document);
        self.0[word] |= bit;
    }

    pub(crate) fn clear(&mut self, document: u32) {
        let (word, bit) = place(document);
        self.0[word] &= !bit;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many are also in `other`.
    pub(crate) fn count_with(&self, other: &Bits) -> usize {
        self.0.iter().zip(&other.0).map(|(one, other)| (one & other).count_ones() as usize).sum()
    }

    /// Whether one is also in `other`.
    pub(crate) fn meets(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).any(|(one, other)| one & other > 0)
    }

    /// Adds those of `other`.
    pub(crate) fn add(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, other)| *one |= other);
    }

    /// Removes those that are not in `other`.
    pub(crate) fn keep(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, other)| *one &= other);
    }

    /// Removes those that are in `other`.
    pub(crate) fn leave_out(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, other)| *one &= !other);
    }

    /// Moves those that are in `other` to `to`.
    pub(crate) fn move_with(&mut self, other: &Bits, to: &mut Bits) {
        for ((one, other), to) in self.0.iter_mut().zip(&other.0).zip(&mut to.0) {
            *to |= *one & other;
            *one &= !other;
        }
    }

    /// Moves those that are not in `other` to `to`.
    pub(crate) fn move_without(&mut self, other: &Bits, to: &mut Bits) {
        for ((one, other), to) in self.0.iter_mut().zip(&other.0).zip(&mut to.0) {
            *to |= *one & !other;
            *one &= other;
        }
    }

    /// The documents, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().zip((0..).step_by(WORD)).flat_map(|(word, first)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest > 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(first + bit)
            })
        })
    }
}

/// The word of a document and its bit there.
fn place(document: u32) -> (usize, u64) {
    (document as usize / WORD, 1 << (document as usize % WORD))
}

/// The last bit of each of eight bytes.
const LAST: u64 = 0x0101_0101_0101_0101;

/// The documents of which the last bit of their byte is set, once `bit` has moved it there.
fn gathered(bytes: &[u8], bit: impl Fn(u64) -> u64) -> Bits {
    /// Moves the last bits of eight bytes into the highest byte, those of the first byte last.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = bytes.as_chunks::<8>();
    let eight =
        |bytes: &[u8; 8]| (bit(u64::from_le_bytes(*bytes)) & LAST).wrapping_mul(GATHER) >> 56;
    let word =
        |eights: &[[u8; 8]]| eights.iter().rev().fold(0, |word, bytes| word << 8 | eight(bytes));
    Bits(eights.chunks(WORD / 8).map(word).collect())
}
