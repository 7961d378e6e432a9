//! The watermark on every picture that is shown before it is paid for.
//!
//! `PROLIGHT`, repeated on lines that rise to the right: light enough to judge a picture through
//! it, dense enough that cutting or painting it out costs more than the picture. The letters are a
//! little stronger than white can hide and have a thin shadow, so that they show on white as well
//! as on black. They are drawn here from lines and arcs: a font would be a megabyte for seven
//! letters. Nothing depends on a clock, on randomness or on the machine's math library, so the same
//! picture gets the same pixels everywhere.

use image::RgbImage;

/// Opacity of the letters and of their shadow, of 256.
const LETTER_OPACITY: u32 = 46;
const SHADOW_OPACITY: u32 = 48;
/// Mask coordinates are fixed-point, in this fraction of a pixel, so that stepping is addition.
const UNIT: u32 = 256;
/// The step in the mask per pixel of the picture, along a line and down from it: the cosine and the
/// sine of 30 degrees, for a mask of twice the picture's density.
const COS: u32 = 443;
const SIN: u32 = 256;
/// Letter heights per mean side of the picture.
const LETTERS_PER_SIDE: f32 = 21.0;
/// Smallest readable letter, in pixels.
const LETTER_PX_MIN: f32 = 9.0;

// Measures in parts of a letter's height.
const HALF_STROKE: f32 = 0.075;
const TRACKING: f32 = 0.2;
/// Width of the shadow, within half a tracking.
const SHADOW: f32 = 0.085;
/// Distance from one word to the next, and from one line to the next.
const WORD_GAP: f32 = 1.7;
const LINE_STEP: f32 = 3.8;
/// Mask pixels per picture pixel: more than one, because the mask is rotated.
const DENSITY: f32 = 2.0;

type Point = [f32; 2];

/// A stroke with round ends; x grows to the right and y downwards, from 0 to a letter's height, 1.
#[derive(Debug, Clone, Copy)]
enum Stroke {
    Line(Point, Point),
    /// A circle about a center.
    Circle(Point, f32),
    /// A circle without the part between two directions, the second clockwise of the first.
    Arc(Point, f32, [Point; 2]),
}

#[derive(Debug)]
struct Letter {
    width: f32,
    strokes: &'static [Stroke],
}

use Stroke::{Arc, Circle, Line};

const TOP: f32 = HALF_STROKE;
const BASE: f32 = 1.0 - HALF_STROKE;
const LEFT: f32 = HALF_STROKE;
const ROUND: f32 = 0.5 - HALF_STROKE;
const LEFT_HALF: [Point; 2] = [[0.0, 1.0], [0.0, -1.0]];
const STEM: Stroke = Line([LEFT, TOP], [LEFT, BASE]);
const BOWL: [Stroke; 3] = [
    Line([LEFT, TOP], [0.36, TOP]),
    Line([LEFT, 0.55], [0.36, 0.55]),
    Arc([0.36, (TOP + 0.55) / 2.0], (0.55 - TOP) / 2.0, LEFT_HALF),
];
const WORD: [Letter; 8] = [
    Letter { width: 0.67, strokes: &[STEM, BOWL[0], BOWL[1], BOWL[2]] },
    Letter {
        width: 0.70,
        strokes: &[STEM, BOWL[0], BOWL[1], BOWL[2], Line([0.35, 0.55], [0.62, BASE])],
    },
    Letter { width: 1.0, strokes: &[Circle([0.5, 0.5], ROUND)] },
    Letter { width: 0.58, strokes: &[STEM, Line([LEFT, BASE], [0.50, BASE])] },
    Letter { width: 0.15, strokes: &[STEM] },
    Letter {
        width: 1.0,
        strokes: &[
            Arc([0.5, 0.5], ROUND, [[0.743, -0.669], [1.0, 0.0]]),
            Line([0.56, 0.5], [0.5 + ROUND, 0.5]),
        ],
    },
    Letter {
        width: 0.70,
        strokes: &[STEM, Line([0.625, TOP], [0.625, BASE]), Line([LEFT, 0.5], [0.625, 0.5])],
    },
    Letter {
        width: 0.68,
        strokes: &[Line([LEFT, TOP], [0.605, TOP]), Line([0.34, TOP], [0.34, BASE])],
    },
];

/// Draws the watermark over all of `pixels`, scaled to their size.
pub(crate) fn stamp(pixels: &mut RgbImage) {
    let (width, height) = pixels.dimensions();
    let side = (width as f32 * height as f32).sqrt();
    let mask = Mask::draw((side / LETTERS_PER_SIDE).max(LETTER_PX_MIN));
    let word_step = fixed(mask.width as f32 + DENSITY * mask.letter * (WORD_GAP - TRACKING));
    let line_step = fixed(DENSITY * mask.letter * LINE_STEP);
    // Enough words to the left of the picture that no coordinate is negative.
    let margin = word_step * (height * SIN).div_ceil(word_step);
    for (y, row) in (0..).zip(pixels.as_mut().chunks_exact_mut(width as usize * 3)) {
        let (line, mut v) = (y * COS / line_step, y * COS % line_step);
        let mut u = (margin - y * SIN + line % 2 * (word_step / 2)) % word_step;
        for pixel in row.as_chunks_mut::<3>().0 {
            if let Some(ink) = mask.at(u, v) {
                ink.over(pixel);
            }
            u += COS;
            v += SIN;
            if v >= line_step {
                v -= line_step;
                u += word_step / 2;
            }
            while u >= word_step {
                u -= word_step;
            }
        }
    }
}

/// Mask pixels as a fixed-point step.
fn fixed(mask_pixels: f32) -> u32 {
    (mask_pixels * UNIT as f32) as u32
}

/// Coverage of a pixel by letters and shadow, of 256.
#[derive(Debug, Clone, Copy, Default)]
struct Ink {
    letter: u32,
    shadow: u32,
}

/// One word, level, with a margin for its shadow.
#[derive(Debug)]
struct Mask {
    width: usize,
    height: usize,
    /// Letter height in pixels of the picture.
    letter: f32,
    inks: Vec<[u8; 2]>,
}

impl Mask {
    fn draw(letter: f32) -> Mask {
        let scale = letter * DENSITY;
        let margin = TRACKING / 2.0;
        let word: f32 = WORD.iter().map(|letter| letter.width + TRACKING).sum();
        let width = (word * scale).ceil() as usize;
        let height = ((1.0 + TRACKING) * scale).ceil() as usize;
        let mut inks = vec![[0; 2]; width * height];
        let mut from = 0.0;
        for drawn in &WORD {
            let to = from + drawn.width + TRACKING;
            let columns = (from * scale) as usize..((to * scale) as usize).min(width);
            for (y, row) in inks.chunks_exact_mut(width).enumerate() {
                for x in columns.clone() {
                    let at = |pixel: usize| (pixel as f32 + 0.5) / scale - margin;
                    row[x] = drawn.ink([at(x) - from, at(y)], letter);
                }
            }
            from = to;
        }
        Mask { width, height, letter, inks }
    }

    /// The ink at a point of the mask, interpolated between the four nearest pixels; `None` if
    /// there is none.
    fn at(&self, u: u32, v: u32) -> Option<Ink> {
        let (x, y) = ((u / UNIT) as usize, (v / UNIT) as usize);
        if x + 1 >= self.width || y + 1 >= self.height {
            return None;
        }
        let (right, below) = (u % UNIT / 16, v % UNIT / 16);
        let at = y * self.width + x;
        let (upper, lower) = (&self.inks[at..at + 2], &self.inks[at + self.width..]);
        let weighed = |channel: usize| {
            let across = |row: &[[u8; 2]]| {
                u32::from(row[0][channel]) * (16 - right) + u32::from(row[1][channel]) * right
            };
            across(upper) * (16 - below) + across(lower) * below
        };
        let (letter, shadow) = (weighed(0) / 255, weighed(1) / 255);
        (letter + shadow > 0).then_some(Ink { letter, shadow })
    }
}

impl Letter {
    /// Coverage of a pixel at `point` of this letter: the letter, and the shadow beside it.
    fn ink(&self, point: Point, letter_px: f32) -> [u8; 2] {
        let nearest = self.strokes.iter().map(|stroke| stroke.distance(point));
        let beside = nearest.fold(f32::INFINITY, f32::min) - HALF_STROKE;
        let letter = (0.5 - beside * letter_px).clamp(0.0, 1.0);
        let reach = SHADOW.max(1.0 / letter_px).min(TRACKING / 2.0);
        let shadow = (1.0 - beside / reach).clamp(0.0, 1.0) * (1.0 - letter);
        [(letter * 255.0) as u8, (shadow * 255.0) as u8]
    }
}

impl Stroke {
    /// Distance from `point` to the middle of the stroke.
    fn distance(&self, point: Point) -> f32 {
        match *self {
            Line(from, to) => {
                let (along, off) = (sub(to, from), sub(point, from));
                let part = (dot(along, off) / dot(along, along)).clamp(0.0, 1.0);
                length(sub(off, [along[0] * part, along[1] * part]))
            }
            Circle(center, radius) => (length(sub(point, center)) - radius).abs(),
            Arc(center, radius, [from, to]) => {
                let off = sub(point, center);
                if cross(from, off) > 0.0 && cross(off, to) > 0.0 {
                    let end = |at: Point| length(sub(off, [at[0] * radius, at[1] * radius]));
                    return end(from).min(end(to));
                }
                (length(off) - radius).abs()
            }
        }
    }
}

impl Ink {
    fn over(self, pixel: &mut [u8; 3]) {
        let (light, dark) = (self.letter * LETTER_OPACITY, self.shadow * SHADOW_OPACITY);
        for channel in pixel {
            let shaded = u32::from(*channel) * (65_536 - dark);
            let lit = shaded + ((255 * 65_536 - shaded) >> 16) * light;
            *channel = ((lit + 32_768) >> 16).min(255) as u8;
        }
    }
}

fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

fn cross(a: Point, b: Point) -> f32 {
    a[0] * b[1] - a[1] * b[0]
}

fn length(a: Point) -> f32 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn stamped(width: u32, height: u32, gray: u8) -> RgbImage {
        let mut pixels = RgbImage::from_pixel(width, height, Rgb([gray; 3]));
        stamp(&mut pixels);
        pixels
    }

    #[test]
    fn it_shows_on_every_ground_and_spoils_none() {
        for (width, height) in [(1200, 800), (600, 600), (300, 300), (300, 1200), (1200, 300)] {
            for gray in [0, 40, 128, 220, 255] {
                let pixels = stamped(width, height, gray);
                let by = |pixel: &Rgb<u8>| pixel.0[0].abs_diff(gray);
                let seen = pixels.pixels().filter(|pixel| by(pixel) >= 12).count();
                let part = seen as f32 / (width * height) as f32;
                assert!((0.02..0.30).contains(&part), "{width} x {height} on {gray}: {part}");
                assert!(pixels.pixels().all(|pixel| by(pixel) <= 60), "{width} x {height}, {gray}");
            }
        }
    }

    #[test]
    fn no_quarter_of_a_picture_is_without_it() {
        let pixels = stamped(300, 300, 0);
        for (left, top) in [(0, 0), (150, 0), (0, 150), (150, 150)] {
            let quarter = image::imageops::crop_imm(&pixels, left, top, 150, 150).to_image();
            let lit = quarter.pixels().filter(|pixel| pixel.0[0] > 20).count();
            assert!(lit > 500, "{left}, {top}: {lit}");
        }
    }

    #[test]
    fn the_same_picture_gets_the_same_pixels_and_the_smallest_gets_some() {
        assert_eq!(stamped(384, 384, 90), stamped(384, 384, 90));
        assert_eq!(stamped(1, 1, 0).dimensions(), (1, 1));
        assert_eq!(stamped(8192, 1, 0).dimensions(), (8192, 1));
    }

    #[test]
    fn a_stroke_is_as_far_away_as_it_looks() {
        let check = |stroke: Stroke, point: Point, expected: f32| {
            let found = stroke.distance(point);
            assert!((found - expected).abs() < 1e-6, "{stroke:?} from {point:?}: {found}");
        };
        check(Line([0.0, 0.0], [1.0, 0.0]), [0.5, 0.25], 0.25);
        check(Line([0.0, 0.0], [1.0, 0.0]), [2.0, 0.0], 1.0);
        check(Circle([0.0, 0.0], 1.0), [0.5, 0.0], 0.5);
        check(Arc([0.0, 0.0], 1.0, LEFT_HALF), [3.0, 0.0], 2.0);
        check(Arc([0.0, 0.0], 1.0, LEFT_HALF), [-1.0, 1.0], 1.0);
    }
}
