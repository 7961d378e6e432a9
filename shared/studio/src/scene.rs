//! Renders a rig, a camera and a subject to a picture.

use domain::camera::CameraSettings;
use domain::lighting::LightingRig;

use crate::colour::Film;
use crate::field::Field;
use crate::frame::Frame;
use crate::lens::Exposure;
use crate::light::Panel;
use crate::palette::Palette;
use crate::subject::{Figure, Subject};
use crate::sweep::Sweep;
use crate::trace::{Hit, TraceQuality, Tracer};
use crate::vec3::{Vec3, vec3};
use crate::view::View;

/// Longest side of a frame in pixels; larger requests are cut to it.
pub const SIDE_PX_MAX: u32 = 2_048;

/// Render quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Good enough to judge the light at 256 pixels.
    Preview,
    /// For final pictures.
    Standard,
}

/// The parameters of a [`Quality`].
struct Effort {
    /// Metres between samples of the distance field.
    cell: f32,
    care: TraceQuality,
    /// Rays added to a pixel on an edge.
    edge_rays: u32,
    /// Samples per blurred pixel.
    lens_taps: u32,
}

/// A studio, set up and ready to photograph.
pub struct Scene {
    figure: Figure,
    panels: Vec<Panel>,
    sweep: Sweep,
    view: View,
    ambient: (Vec3, Vec3),
    seed: u64,
}

impl Quality {
    fn effort(self) -> Effort {
        match self {
            Quality::Preview => Effort {
                cell: 0.011,
                care: TraceQuality {
                    primary_steps: 40,
                    exact_steps: 0,
                    shadow_steps: 16,
                    shadow_stride: 1.1,
                },
                edge_rays: 2,
                lens_taps: 12,
            },
            Quality::Standard => Effort {
                cell: 0.0055,
                care: TraceQuality {
                    primary_steps: 72,
                    exact_steps: 1,
                    shadow_steps: 48,
                    shadow_stride: 0.75,
                },
                edge_rays: 8,
                lens_taps: 48,
            },
        }
    }
}

impl Scene {
    /// Sets up `rig` around `subject`. Rig and camera should be valid; numbers outside their limits
    /// give an odd picture, never a panic. `seed` turns the subject a little.
    pub fn new(
        rig: &LightingRig,
        camera: &CameraSettings,
        subject: Subject,
        palette: Palette,
        seed: u64,
    ) -> Scene {
        let figure = Figure::new(subject, palette, seed);
        let floor = figure.floor();
        let view = View::new(camera, figure.framed(), figure.focus(), floor);
        let (across, down) = camera.aspect_ratio.terms();
        let (across, down) = (across as f32, down as f32);
        let diagonal = (across * across + down * down).sqrt() / across.min(down);
        let reach = view.distance() + rig.backdrop.distance as f32;
        let sweep = Sweep::new(&rig.backdrop, floor, diagonal * view.slope() * reach);
        let panels: Vec<Panel> =
            rig.lights.iter().map(|light| Panel::new(light, floor, sweep.depth())).collect();
        let ambient = ambient(&panels, &sweep);
        Scene { figure, panels, sweep, view, ambient, seed }
    }

    /// Renders the picture. The same scene, size and quality give the same bytes.
    pub fn render(&self, width: u32, height: u32, quality: Quality) -> Frame {
        let (width, height) = (width.clamp(1, SIDE_PX_MAX), height.clamp(1, SIDE_PX_MAX));
        let effort = quality.effort();
        let field =
            Field::bake(self.figure.bounds(), effort.cell, |point| self.figure.distance(point));
        let tracer = Tracer {
            figure: &self.figure,
            panels: &self.panels,
            sweep: &self.sweep,
            field: &field,
            care: effort.care,
            ambient: self.ambient,
            translucency: self.figure.translucency(),
        };
        let plate = Plate { width: width as usize, height: height as usize };
        let exposure = self.expose(&tracer, plate, effort.edge_rays);
        let light = exposure.through_lens(effort.lens_taps);
        let film = Film::new(self.seed);
        let mut rgb = Vec::with_capacity(light.len() * 3);
        for (index, light) in light.into_iter().enumerate() {
            let (x, y) = (index % plate.width, index / plate.width);
            rgb.extend(film.develop(light, x as u32, y as u32));
        }
        Frame { width, height, rgb }
    }

    /// For every bundle of the plate, the distance its rays can skip.
    fn clearances(&self, tracer: &Tracer<'_>, plate: Plate) -> Vec<Option<f32>> {
        let (across, down) = plate.bundles();
        let middle = |index: usize| ((index as f32) + 0.5) * BUNDLE_PX as f32;
        // Half a diagonal, and a margin for rounding.
        let spread = BUNDLE_PX as f32 * 0.75 * plate.pixel() * self.view.slope();
        (0..across * down)
            .map(|at| {
                let (x, y) = plate.scaled(middle(at % across), middle(at / across));
                tracer.clearance(self.view.eye, self.view.towards(x, y), spread)
            })
            .collect()
    }

    /// One ray through the middle of every pixel, then more where pixels differ.
    fn expose(&self, tracer: &Tracer<'_>, plate: Plate, edge_rays: u32) -> Exposure {
        let clearances = self.clearances(tracer, plate);
        let look = |x: f32, y: f32| {
            let clearance = clearances[plate.bundle(x, y)];
            let (x, y) = plate.scaled(x, y);
            tracer.trace(self.view.eye, self.view.towards(x, y), clearance)
        };
        let sights: Vec<Hit> = (0..plate.width * plate.height)
            .map(|at| look((at % plate.width) as f32 + 0.5, (at / plate.width) as f32 + 0.5))
            .collect();
        let mut light: Vec<Vec3> = sights.iter().map(|sight| sight.light).collect();
        let mut depth: Vec<f32> = sights.iter().map(|sight| self.view.depth(sight.point)).collect();
        for at in (0..sights.len()).filter(|at| plate.is_edge(&sights, *at)) {
            let (x, y) = ((at % plate.width) as f32, (at / plate.width) as f32);
            let mut sum = squeezed(sights[at].light);
            for ray in 1..=edge_rays {
                let (dx, dy) = well_spread(ray);
                let sight = look(x + dx, y + dy);
                sum += squeezed(sight.light);
                // A mixed pixel gets the front depth, or the lens would blur the edge away.
                depth[at] = depth[at].min(self.view.depth(sight.point));
            }
            light[at] = released(sum * (1.0 / (edge_rays + 1) as f32));
        }
        let short_px = plate.width.min(plate.height) as f32;
        let blur = depth.iter().map(|depth| self.view.blur_px(*depth, short_px)).collect();
        Exposure { width: plate.width, height: plate.height, light, depth, blur }
    }
}

/// The pixels of a frame.
#[derive(Debug, Clone, Copy)]
struct Plate {
    width: usize,
    height: usize,
}

/// Side in pixels of the square whose rays start as a bundle.
const BUNDLE_PX: usize = 8;

impl Plate {
    /// The number of bundles that cover the frame, across and down.
    fn bundles(self) -> (usize, usize) {
        (self.width.div_ceil(BUNDLE_PX), self.height.div_ceil(BUNDLE_PX))
    }

    /// The bundle at a position, in pixels from the top left.
    fn bundle(self, x: f32, y: f32) -> usize {
        let (across, down) = self.bundles();
        let (column, row) = (x as usize / BUNDLE_PX, y as usize / BUNDLE_PX);
        row.min(down - 1) * across + column.min(across - 1)
    }

    /// The side of a pixel when the short side of the frame is two.
    fn pixel(self) -> f32 {
        2.0 / self.width.min(self.height) as f32
    }

    /// Pixels from the top left to -1..1 over the short side, y upwards.
    fn scaled(self, x: f32, y: f32) -> (f32, f32) {
        let short = self.width.min(self.height) as f32;
        ((2.0 * x - self.width as f32) / short, (self.height as f32 - 2.0 * y) / short)
    }

    /// Whether the pixel differs from a neighbour in surface, normal or brightness.
    fn is_edge(self, sights: &[Hit], at: usize) -> bool {
        let (x, y) = (at % self.width, at / self.width);
        let neighbours = [
            (x > 0).then(|| at - 1),
            (x + 1 < self.width).then_some(at + 1),
            (y > 0).then(|| at - self.width),
            (y + 1 < self.height).then_some(at + self.width),
        ];
        let own = &sights[at];
        let tone = |sight: &Hit| squeezed(sight.light).luminance();
        neighbours.into_iter().flatten().map(|neighbour| &sights[neighbour]).any(|other| {
            own.on_subject != other.on_subject
                || (own.on_subject && own.normal.dot(other.normal) < 0.86)
                || (tone(own) - tone(other)).abs() > 0.035
        })
    }
}

/// Light compressed to 0..1, so that one very bright ray does not dominate its pixel.
fn squeezed(light: Vec3) -> Vec3 {
    light * (1.0 / (1.0 + light.luminance()))
}

/// The inverse of [`squeezed`].
fn released(light: Vec3) -> Vec3 {
    light * (1.0 / (1.0 - light.luminance()).max(1e-3))
}

/// The `index`-th point of the R2 sequence in the unit square: each new one falls into the largest
/// gap (Roberts, "The unreasonable effectiveness of quasirandom sequences").
fn well_spread(index: u32) -> (f32, f32) {
    let part = |share: f32| {
        let value = 0.5 + share * index as f32;
        value - value.floor()
    };
    (part(0.754_877_7), part(0.569_840_3))
}

/// Light that walls and paper reflect onto the subject, from above and from below.
fn ambient(panels: &[Panel], sweep: &Sweep) -> (Vec3, Vec3) {
    let at_subject = panels
        .iter()
        .filter_map(|panel| panel.arrival(Vec3::ZERO))
        .fold(Vec3::ZERO, |sum, arrival| sum + arrival.irradiance);
    let wall = vec3(0.0, 0.0, -sweep.depth());
    let at_paper = panels
        .iter()
        .filter_map(|panel| panel.arrival(wall))
        .fold(Vec3::ZERO, |sum, arrival| sum + arrival.irradiance);
    let paper = sweep.albedo(Vec3::ZERO);
    let bounce = paper * (at_subject * 0.03 + at_paper * 0.08);
    let walls = at_subject * 0.018 + vec3(0.004, 0.004, 0.005);
    (walls + bounce, walls * 0.7 + bounce * 1.2)
}
