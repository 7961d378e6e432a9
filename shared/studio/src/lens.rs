//! Depth of field: every pixel gathers the light that its neighbours spread over it.

use crate::vec3::Vec3;

/// Radius in pixels under which a picture counts as sharp.
const SHARP_PX: f32 = 0.6;
/// Largest radius, as a share of the short side: keeps the cost bounded at any aperture.
const LARGEST_SHARE: f32 = 0.045;
/// Where luminance varies by less than this share from pixel to pixel, blur has no visible effect.
const FLAT_STEP: f32 = 0.02;

/// A picture in linear light, with what is needed to blur it.
pub(crate) struct Exposure {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) light: Vec<Vec3>,
    /// Metres along the view.
    pub(crate) depth: Vec<f32>,
    /// Radius of blur in pixels.
    pub(crate) blur: Vec<f32>,
}

impl Exposure {
    /// The picture after the lens blur, gathered from `taps` samples per pixel.
    pub(crate) fn through_lens(mut self, taps: u32) -> Vec<Vec3> {
        let largest = LARGEST_SHARE * self.width.min(self.height) as f32;
        for radius in &mut self.blur {
            *radius = radius.min(largest);
        }
        // Tiles as wide as the largest blur, which then reaches no farther than the neighbours.
        let side = (largest.ceil() as usize).max(4);
        let (across, tiles) = self.tiles(side);
        let pattern = spiral(taps);
        let mut out = self.light.clone();
        for y in 0..self.height {
            for x in 0..self.width {
                let nearby = tiles[y / side * across + x / side];
                if nearby.blur > SHARP_PX && nearby.step > FLAT_STEP {
                    out[y * self.width + x] = self.gather(x, y, nearby.blur, &pattern);
                }
            }
        }
        out
    }

    fn gather(&self, x: usize, y: usize, reach: f32, pattern: &[(f32, f32, f32)]) -> Vec3 {
        let here = y * self.width + x;
        let (own_depth, own_blur) = (self.depth[here], self.blur[here]);
        let disc = |blur: f32| (std::f32::consts::PI * blur * blur).max(1.0);
        let own_weight = 1.0 / disc(own_blur);
        let (mut sum, mut weights) = (self.light[here] * own_weight, own_weight);
        // A tap represents its part of its ring.
        let ring = std::f32::consts::TAU * reach * reach / pattern.len() as f32;
        for (dx, dy, radius) in pattern {
            let tap_x = (x as f32 + dx * reach + 0.5).clamp(0.0, self.width as f32 - 1.0) as usize;
            let tap_y = (y as f32 + dy * reach + 0.5).clamp(0.0, self.height as f32 - 1.0) as usize;
            let tap = tap_y * self.width + tap_x;
            let is_behind = self.depth[tap] > own_depth + 0.02;
            // The background must not bleed over a sharp edge in front of it.
            let blur = if is_behind { self.blur[tap].min(own_blur) } else { self.blur[tap] };
            let covers = (blur - radius * reach + 0.5).clamp(0.0, 1.0);
            let weight = covers * ring * radius / disc(blur);
            sum += self.light[tap] * weight;
            weights += weight;
        }
        sum * (1.0 / weights)
    }

    /// The extremes of each tile of `side` pixels and its eight neighbours, row by row, and the
    /// tiles per row.
    fn tiles(&self, side: usize) -> (usize, Vec<Tile>) {
        let across = self.width.div_ceil(side);
        let down = self.height.div_ceil(side);
        let mut own = vec![Tile::EMPTY; across * down];
        for (index, blur) in self.blur.iter().enumerate() {
            let (x, y) = (index % self.width, index / self.width);
            let tile = &mut own[y / side * across + x / side];
            *tile = tile.and(Tile { blur: *blur, step: self.step(x, y) });
        }
        let nearby = (0..own.len()).map(|tile| {
            let (x, y) = (tile % across, tile / across);
            let rows = y.saturating_sub(1)..(y + 2).min(down);
            let columns = x.saturating_sub(1)..(x + 2).min(across);
            rows.flat_map(|row| columns.clone().map(move |column| row * across + column))
                .fold(Tile::EMPTY, |all, neighbour| all.and(own[neighbour]))
        });
        (across, nearby.collect())
    }

    /// The luminance difference of a pixel to the next in its row and its column.
    fn step(&self, x: usize, y: usize) -> f32 {
        let bright = |x: usize, y: usize| self.light[y * self.width + x].luminance();
        let own = bright(x, y);
        let right = bright((x + 1).min(self.width - 1), y);
        let below = bright(x, (y + 1).min(self.height - 1));
        let most = own.max(right).max(below).max(1e-6);
        (own - right).abs().max((own - below).abs()) / most
    }
}

/// The extremes of a part of the picture.
#[derive(Debug, Clone, Copy)]
struct Tile {
    /// Largest radius of blur, in pixels.
    blur: f32,
    /// Largest step of luminance between neighbours, as a share of the brighter one.
    step: f32,
}

impl Tile {
    const EMPTY: Tile = Tile { blur: 0.0, step: 0.0 };

    fn and(self, other: Tile) -> Tile {
        Tile { blur: self.blur.max(other.blur), step: self.step.max(other.step) }
    }
}

/// `count` points of the unit disc on a golden-angle spiral, with their radii. Radii grow evenly,
/// so that the middle, where small discs reach, is covered as well as the rim.
fn spiral(count: u32) -> Vec<(f32, f32, f32)> {
    const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
    (0..count)
        .map(|index| {
            let radius = (f64::from(index) + 0.5) / f64::from(count);
            let (sin, cos) = (f64::from(index) * GOLDEN_ANGLE).sin_cos();
            ((radius * cos) as f32, (radius * sin) as f32, radius as f32)
        })
        .collect()
}
