//! Mutations of a corpus, without knowledge of its structure.

use std::ops::Range;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

/// Longest mutation, in bytes.
const BYTES_MAX: usize = 64 * 1024;
/// Longest part that a change takes, in bytes.
const PART_MAX: usize = 32;
/// Numbers at the edges of what fits somewhere.
const NUMBERS: [i64; 14] = [
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    32_767,
    65_535,
    65_536,
    2_147_483_647,
    4_294_967_295,
    i64::MAX,
    i64::MIN,
];

/// An input of the corpus after one to eight changes. The number is the seed of them all.
pub(crate) fn mutated(corpus: &[Vec<u8>], words: &[&str], number: u64) -> Vec<u8> {
    let mut dice = StdRng::seed_from_u64(number);
    let mut input = corpus.choose(&mut dice).cloned().unwrap_or_default();
    for _ in 0..1 << dice.random_range(0..4_u32) {
        change(&mut input, corpus, words, &mut dice);
    }
    input.truncate(BYTES_MAX);
    input
}

/// Replaces a part of the input.
fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], dice: &mut StdRng) {
    let all = input.len();
    let at = dice.random_range(0..=all);
    let over = |length: usize| at..(at + length).min(all);
    let part = over(dice.random_range(1..=PART_MAX));
    let (replaced, bytes): (Range<usize>, Vec<u8>) = match dice.random_range(0..9_u8) {
        0 => {
            let bit = 1_u8 << dice.random_range(0..8_u32);
            (over(1), input[over(1)].iter().map(|byte| byte ^ bit).collect())
        }
        1 => (over(1), vec![dice.random()]),
        2 => (part, Vec::new()),
        3 => (at..at, input[part].repeat(dice.random_range(1..=8))),
        4 => (at..all, Vec::new()),
        5 => (at..at, word(words, dice)),
        6 => {
            let word = word(words, dice);
            (over(word.len()), word)
        }
        7 => {
            let number = number(dice);
            (over(number.len()), number)
        }
        _ => {
            let other = corpus.choose(dice).map(Vec::as_slice).unwrap_or_default();
            let from = dice.random_range(0..=other.len());
            let length = dice.random_range(0..=other.len() - from);
            (part, other[from..from + length].to_vec())
        }
    };
    drop(input.splice(replaced, bytes));
}

fn word(words: &[&str], dice: &mut StdRng) -> Vec<u8> {
    words.choose(dice).map(|word| word.as_bytes().to_vec()).unwrap_or_default()
}

/// A number as text, or as one to eight bytes in either order.
fn number(dice: &mut StdRng) -> Vec<u8> {
    let number = NUMBERS.choose(dice).copied().unwrap_or_default();
    if dice.random() {
        return number.to_string().into_bytes();
    }
    let length: usize = 1 << dice.random_range(0..4_u32);
    let mut bytes = number.to_le_bytes()[..length].to_vec();
    if dice.random() {
        bytes.reverse();
    }
    bytes
}
