//! Realistic listings: photographers' words with natural frequencies (Zipf), a few creators with
//! many listings and many with one, prices that end in 99, ratings around 4.4.

use crate::Document;

/// Words that photographers use, most frequent first.
pub(super) const WORDS: [&str; 112] = [
    "light",
    "portrait",
    "softbox",
    "studio",
    "shadow",
    "key",
    "fill",
    "rim",
    "beauty",
    "product",
    "preset",
    "setup",
    "lighting",
    "rig",
    "dramatic",
    "natural",
    "soft",
    "hard",
    "backdrop",
    "diffuser",
    "reflector",
    "rembrandt",
    "butterfly",
    "split",
    "clamshell",
    "high",
    "low",
    "contrast",
    "fashion",
    "editorial",
    "commercial",
    "headshot",
    "corporate",
    "wedding",
    "food",
    "jewelry",
    "cosmetics",
    "bottle",
    "glass",
    "watch",
    "silhouette",
    "golden",
    "hour",
    "sunset",
    "window",
    "gel",
    "neon",
    "cinematic",
    "film",
    "noir",
    "vintage",
    "moody",
    "bright",
    "airy",
    "clean",
    "minimal",
    "octabox",
    "stripbox",
    "snoot",
    "grid",
    "barndoor",
    "beauty-dish",
    "flash",
    "strobe",
    "continuous",
    "speedlight",
    "umbrella",
    "scrim",
    "flag",
    "bounce",
    "ambient",
    "exposure",
    "aperture",
    "shutter",
    "lens",
    "bokeh",
    "macro",
    "telephoto",
    "wide",
    "angle",
    "newborn",
    "family",
    "pet",
    "dancer",
    "athlete",
    "fitness",
    "automotive",
    "interior",
    "architecture",
    "landscape",
    "street",
    "documentary",
    "conceptual",
    "monochrome",
    "pastel",
    "saturated",
    "texture",
    "gradient",
    "colour",
    "white",
    "black",
    "skin",
    "tones",
    "catchlight",
    "falloff",
    "inverse",
    "square",
    "modeling",
    "overhead",
    "underlight",
    "crosslight",
    "café",
];
const FILLERS: [&str; 24] = [
    "the", "a", "of", "for", "with", "and", "to", "in", "your", "you", "is", "this", "on", "from",
    "any", "made", "perfect", "every", "works", "ready", "camera", "shoot", "one", "minutes",
];
const SYLLABLES: [&str; 24] = [
    "ka", "lo", "mi", "ra", "ven", "sto", "bel", "tu", "nor", "di", "fa", "gri", "hel", "jo", "pe",
    "qua", "sil", "tor", "ul", "wen", "xa", "yo", "zin", "cor",
];
const FIRST_NAMES: [&str; 16] = [
    "Ana", "Björn", "Chloé", "Dario", "Elif", "Farah", "Goran", "Hana", "Ines", "Jonas", "Keiko",
    "Luca", "Mónica", "Noah", "Olga", "Priya",
];
pub(super) const KINDS: [&str; 4] = ["preset", "rig", "pack", "course"];
pub(super) const CATEGORIES: [&str; 12] = [
    "portrait",
    "product",
    "fashion",
    "food",
    "beauty",
    "wedding",
    "interior",
    "automotive",
    "street",
    "newborn",
    "sport",
    "film",
];
/// 2025-01-01.
const FIRST_AT: i64 = 1_735_689_600_000;
const MINUTE_MS: i64 = 60_000;
const CREATORS: u64 = 6_000;
/// Number of different characters.
const CHINESE: u64 = 3_000;

/// Pseudo-random numbers from a seed (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, uniformly.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Below `end`, small numbers much more often: each doubling is equally likely.
    pub(super) fn zipf(&mut self, end: u64) -> u64 {
        let share = self.below(1 << 20) as f64 / f64::from(1 << 20);
        (((end as f64 + 1.0).powf(share)) as u64).saturating_sub(1).min(end - 1)
    }

    /// One of `all`, uniformly.
    pub(super) fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all.get(self.below(all.len() as u64) as usize).copied().unwrap_or_default()
    }

    /// A photographer's word, or now and then a unique one.
    pub(super) fn word(&mut self) -> String {
        match self.below(12) {
            0 => self.name(),
            _ => WORDS[self.zipf(WORDS.len() as u64) as usize].to_owned(),
        }
    }

    /// Two Chinese characters, frequent ones much more often.
    pub(super) fn chinese_word(&mut self) -> String {
        (0..2).filter_map(|_| char::from_u32(0x4e00 + self.zipf(CHINESE) as u32)).collect()
    }

    fn chinese(&mut self, words: u64) -> String {
        let mut text = String::new();
        for place in 0..words {
            text.push_str(&self.chinese_word());
            text.push_str(if place % 11 == 10 { "，" } else { "" });
        }
        text
    }

    fn name(&mut self) -> String {
        let number = self.zipf(SYLLABLES.len().pow(4) as u64);
        let mut rest = number.wrapping_mul(7_919);
        (0..2 + number % 3).fold(String::new(), |name, _| {
            let syllable = SYLLABLES[(rest % 24) as usize];
            rest /= 24;
            name + syllable
        })
    }

    fn words(&mut self, count: u64) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn sentences(&mut self, count: u64) -> String {
        let mut text = String::new();
        for place in 0..count {
            let word = match self.below(3) {
                0 => self.of(&FILLERS).to_owned(),
                _ => self.word(),
            };
            text.push_str(&word);
            text.push_str(if place % 11 == 10 { ". " } else { " " });
        }
        text
    }
}

/// The listing with its texts in Chinese, without spaces.
pub(super) fn in_chinese(latin: Document, dice: &mut Dice) -> Document {
    let [title_words, words] = [3 + dice.below(4), 25 + dice.below(60)];
    Document {
        title: dice.chinese(title_words),
        description: dice.chinese(words),
        tags: latin.tags.iter().map(|_| dice.chinese_word()).collect(),
        ..latin
    }
}

/// The listing with this number, in its first state.
pub(super) fn listing(number: u64, dice: &mut Dice) -> Document {
    let published_at = FIRST_AT + number as i64 * 5 * MINUTE_MS;
    let creator = dice.zipf(CREATORS);
    let first = FIRST_NAMES[(creator % FIRST_NAMES.len() as u64) as usize];
    let creator_name = format!("{first} {}", Dice::new(creator).name());
    let title_words = 3 + dice.below(4);
    let title = dice.words(title_words);
    let tag_count = 2 + dice.below(6);
    let ratings = dice.zipf(400) as u32;
    let price = if dice.below(8) == 0 { 0 } else { dice.zipf(60) * 100 + 99 };
    let image = format!("{:016x}{:016x}", dice.next(), dice.next());
    let id = format!("lst_{}", ulid(published_at, dice.next(), dice.next()));
    Document {
        card: format!(
            "{{\"id\":\"{id}\",\"title\":\"{title}\",\"price\":{{\"amount\":{price},\
             \"currency\":\"usd\"}},\"creator\":{{\"id\":\"usr_{creator}\",\
             \"name\":\"{creator_name}\"}},\"preview\":\"previews/{image}.webp\"}}"
        ),
        id,
        seq: 1,
        description: {
            let words = 25 + dice.below(60);
            dice.sentences(words)
        },
        tags: (0..tag_count).map(|_| dice.word()).collect(),
        creator_id: format!("usr_{creator}"),
        creator_name,
        kind: dice.of(&KINDS).to_owned(),
        category: CATEGORIES[dice.zipf(CATEGORIES.len() as u64) as usize].to_owned(),
        price,
        rating: (ratings > 0).then(|| 500 - dice.zipf(300) as u16),
        ratings,
        sales: dice.zipf(20_000),
        published_at,
        title,
    }
}

fn ulid(at: i64, high: u64, low: u64) -> String {
    let random = u128::from(high & 0xffff) << 64 | u128::from(low);
    let number = u128::from(at.unsigned_abs()) << 80 | random;
    let digits = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    (0..26).rev().map(|place| char::from(digits[(number >> (place * 5)) as usize & 31])).collect()
}
