//! A distance field sampled once into a grid.
//!
//! Marching rays needs about a hundred distances per pixel. A lookup costs a few nanoseconds,
//! however complex the subject; exact distances are computed only where the surface is shaded.

use crate::vec3::{Vec3, vec3};

/// Cells per side of a brick. Bricks far from the surface are interpolated, not evaluated.
const BRICK: usize = 4;

/// The distance to the surface, in diagonals, from which a brick counts as far. Half a diagonal
/// would do; the rest keeps values near the surface exact.
const FAR_DIAGONALS: f32 = 0.6;

/// An axis-aligned box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) low: Vec3,
    pub(crate) high: Vec3,
}

/// Signed distances in metres on a regular grid.
pub(crate) struct Field {
    low: Vec3,
    high: Vec3,
    /// Metres per cell, and the inverse.
    span: f32,
    cells_per_metre: f32,
    /// The last position in cells that has neighbours on all sides.
    last: Vec3,
    dims: [usize; 3],
    distances: Vec<f32>,
    centre: Vec3,
    /// Distance from the centre to a corner.
    radius: f32,
}

impl Bounds {
    /// The part of the ray inside the box, as a range of its parameter.
    pub(crate) fn clip(&self, origin: Vec3, direction: Vec3) -> Option<(f32, f32)> {
        let inverse = direction.map(|d| 1.0 / if d.abs() < 1e-9 { 1e-9 } else { d });
        let (a, b) = ((self.low - origin) * inverse, (self.high - origin) * inverse);
        let enter = a.min(b).largest().max(0.0);
        let leave = -(-a.max(b)).largest();
        (leave > enter).then_some((enter, leave))
    }
}

impl Field {
    /// Samples `distance` over `bounds` at about `cell` metres. `distance` must be 1-Lipschitz.
    pub(crate) fn bake(bounds: Bounds, cell: f32, distance: impl Fn(Vec3) -> f32) -> Field {
        let extent = bounds.high - bounds.low;
        let bricks = [extent.x, extent.y, extent.z]
            .map(|side| (side / (cell * BRICK as f32)).ceil().max(1.0) as usize);
        let dims = bricks.map(|count| count * BRICK + 1);
        let sides = [extent.x, extent.y, extent.z];
        let span = (0..3).map(|axis| sides[axis] / (dims[axis] - 1) as f32).fold(0.0, f32::max);
        let steps = dims.map(|count| (count - 1) as f32 * span);
        let mut field = Field {
            low: bounds.low,
            high: bounds.low + vec3(steps[0], steps[1], steps[2]),
            span,
            cells_per_metre: 1.0 / span,
            last: vec3(last(dims[0]), last(dims[1]), last(dims[2])),
            dims,
            distances: vec![f32::NAN; dims[0] * dims[1] * dims[2]],
            centre: Vec3::ZERO,
            radius: 0.0,
        };
        field.centre = (field.low + field.high) * 0.5;
        field.radius = (field.high - field.centre).length();
        for z in 0..bricks[2] {
            for y in 0..bricks[1] {
                for x in 0..bricks[0] {
                    field.bake_brick([x * BRICK, y * BRICK, z * BRICK], span, &distance);
                }
            }
        }
        field
    }

    fn bake_brick(&mut self, first: [usize; 3], span: f32, distance: &impl Fn(Vec3) -> f32) {
        let corner = |index: usize| {
            [
                first[0] + (index & 1) * BRICK,
                first[1] + (index >> 1 & 1) * BRICK,
                first[2] + (index >> 2) * BRICK,
            ]
        };
        let mut corners = [0.0; 8];
        for (index, value) in corners.iter_mut().enumerate() {
            *value = self.at_node(corner(index), span, distance);
        }
        // The surface is outside the brick if it is farther from the centre than the corners are.
        let middle = first.map(|node| node + BRICK / 2);
        let from_middle = self.at_node(middle, span, distance);
        let is_far = from_middle.abs() > FAR_DIAGONALS * 1.74 * BRICK as f32 * span;
        let unit = 1.0 / BRICK as f32;
        for z in 0..=BRICK {
            for y in 0..=BRICK {
                for x in 0..=BRICK {
                    let node = [first[0] + x, first[1] + y, first[2] + z];
                    if is_far {
                        let share = [x as f32 * unit, y as f32 * unit, z as f32 * unit];
                        let at = self.index(node);
                        if self.distances[at].is_nan() {
                            self.distances[at] = trilinear(corners, share);
                        }
                    } else {
                        self.at_node(node, span, distance);
                    }
                }
            }
        }
    }

    fn at_node(&mut self, node: [usize; 3], span: f32, distance: &impl Fn(Vec3) -> f32) -> f32 {
        let at = self.index(node);
        if self.distances[at].is_nan() {
            let offset = vec3(node[0] as f32, node[1] as f32, node[2] as f32) * span;
            self.distances[at] = distance(self.low + offset);
        }
        self.distances[at]
    }

    fn index(&self, node: [usize; 3]) -> usize {
        (node[2] * self.dims[1] + node[1]) * self.dims[0] + node[0]
    }

    /// The box that was sampled.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { low: self.low, high: self.high }
    }

    /// The part of a cone's axis where the cone may touch the subject. The cone's radius is
    /// `spread` times the distance along the axis.
    pub(crate) fn reach(&self, origin: Vec3, axis: Vec3, spread: f32) -> Option<(f32, f32)> {
        let farthest = (self.centre - origin).dot(axis) + self.radius;
        if farthest <= 0.0 {
            return None;
        }
        let widest = vec3(1.0, 1.0, 1.0) * (spread * farthest);
        Bounds { low: self.low - widest, high: self.high + widest }.clip(origin, axis)
    }

    /// The distance at `point`; outside the box a lower bound of it.
    ///
    /// The surface is inside the box, and the box is convex: seen from the nearest point of the
    /// box, `point` and the surface are on opposite sides, so the two distances add as squares.
    pub(crate) fn distance(&self, point: Vec3) -> f32 {
        let cell = (point - self.low) * self.cells_per_metre;
        let inside = cell.max(Vec3::ZERO).min(self.last);
        let near = self.at_cell(inside);
        let away = cell - inside;
        let outside = away.dot(away);
        if outside > 0.0 {
            let metres = outside * self.span * self.span;
            (near.max(0.0) * near.max(0.0) + metres).sqrt()
        } else {
            near
        }
    }

    /// The distance at a position in cells, which must be inside the box.
    fn at_cell(&self, cell: Vec3) -> f32 {
        // Through 32 bits, which the processor converts in one step.
        let split = |value: f32| {
            let whole = value as i32;
            (whole as usize, value - whole as f32)
        };
        let ((x, share_x), (y, share_y), (z, share_z)) =
            (split(cell.x), split(cell.y), split(cell.z));
        let (row, layer) = (self.dims[0], self.dims[0] * self.dims[1]);
        let at = z * layer + y * row + x;
        let values = &self.distances[at..=at + layer + row + 1];
        trilinear(
            [
                values[0],
                values[1],
                values[row],
                values[row + 1],
                values[layer],
                values[layer + 1],
                values[layer + row],
                values[layer + row + 1],
            ],
            [share_x, share_y, share_z],
        )
    }
}

/// Just before the last of `count` nodes.
fn last(count: usize) -> f32 {
    (count - 1) as f32 * (1.0 - 1e-6)
}

fn trilinear(corners: [f32; 8], [x, y, z]: [f32; 3]) -> f32 {
    let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
    let near = mix(mix(corners[0], corners[1], x), mix(corners[2], corners[3], x), y);
    let far = mix(mix(corners[4], corners[5], x), mix(corners[6], corners[7], x), y);
    mix(near, far, z)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baked_sphere_is_a_sphere() {
        let bounds = Bounds { low: vec3(-0.3, -0.25, -0.3), high: vec3(0.3, 0.35, 0.3) };
        let field = Field::bake(bounds, 0.008, |p| p.length() - 0.2);
        for point in [vec3(0.2, 0.0, 0.0), vec3(0.1, -0.1, 0.14), vec3(0.0, 0.21, 0.0)] {
            let exact = point.length() - 0.2;
            assert!((field.distance(point) - exact).abs() < 5e-4, "{point:?}");
        }
        let outside = vec3(0.0, 0.0, 2.0);
        assert!(field.distance(outside) <= 1.8 && field.distance(outside) > 1.65);
    }

    #[test]
    fn a_ray_is_clipped_to_the_box() {
        let bounds = Bounds { low: vec3(-1.0, -1.0, -1.0), high: Vec3::ONE };
        let towards = vec3(0.0, 0.0, -1.0);
        assert_eq!(bounds.clip(vec3(0.0, 0.0, 3.0), towards), Some((2.0, 4.0)));
        assert_eq!(bounds.clip(vec3(2.0, 0.0, 3.0), towards), None);
    }
}
