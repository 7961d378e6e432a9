//! Charts: plotters lays out scales, marks and lines, which are drawn as paths and texts of our
//! pages.
//!
//! A screen reader gets a chart as one figure with its alternative text.

use std::convert::Infallible;

use plotters::{
    chart::ChartBuilder,
    drawing::{DrawingAreaErrorKind, IntoDrawingArea},
    element::Rectangle,
    prelude::{Color, DrawingBackend, IntoFont},
    series::AreaSeries,
    style::{
        RGBColor, ShapeStyle, TRANSPARENT,
        text_anchor::{HPos, Pos, VPos},
    },
};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};

use crate::{
    PdfError,
    page::{PaletteColor, ascent},
    shapes::{Part, Tint},
    typeset::{Fonts, Style},
};

/// Plotters counts in whole units: this many per point.
const UNITS: f32 = 20.0;
/// Size of the texts along the axes, in points.
const LABEL: f32 = 6.5;
/// Room for the labels left of the value axis, in points.
const VALUES: f32 = 34.0;
/// Room for the labels below, in points.
const NAMES: f32 = 13.0;
/// Most labels along either axis.
const LABELS_MAX: usize = 5;

/// How the values of a chart are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A line over a tinted ground.
    Line,
    /// Stacked bars.
    Bars,
}

/// The colours of series, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    /// The brand colour.
    First,
    /// The second colour.
    Second,
    /// The third colour.
    Third,
}

/// Values of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Their colour.
    pub hue: Hue,
    /// One per place; missing ones are zero.
    pub values: Vec<i64>,
}

/// A chart.
pub struct Chart<'a> {
    /// Its title.
    pub title: String,
    /// A sentence with its figures, for screen readers.
    pub alt: String,
    /// The labels of the places, from left to right.
    pub places: Vec<String>,
    /// How it is drawn.
    pub shape: Shape,
    /// At most one for each [`Hue`].
    pub series: Vec<Series>,
    /// Formats a value for the axis.
    pub value: &'a dyn Fn(i64) -> String,
}

const TEXT: RGBColor = colour(PaletteColor::Muted.rgb());
const GRID: RGBColor = RGBColor(0xE6, 0xE9, 0xEE);

impl Hue {
    pub(crate) const fn rgb(self) -> (u8, u8, u8) {
        match self {
            Hue::First => PaletteColor::Accent.rgb(),
            Hue::Second => (0x2F, 0x5D, 0x8A),
            Hue::Third => (0x9D, 0xB4, 0xC8),
        }
    }

    const fn colour(self) -> RGBColor {
        colour(self.rgb())
    }
}

const fn colour((red, green, blue): (u8, u8, u8)) -> RGBColor {
    RGBColor(red, green, blue)
}

/// Draws `chart` into the area at `origin` of width and height `size`, in points.
///
/// # Errors
/// When it does not fit there.
pub(crate) fn drawn(
    fonts: &Fonts,
    chart: &Chart<'_>,
    origin: (f32, f32),
    size: (f32, f32),
) -> Result<Vec<Part>, PdfError> {
    let mut parts = Vec::new();
    let plot = Plot { fonts, origin, size, parts: &mut parts };
    draw(plot, chart).map_err(|error| PdfError::Pdf(error.to_string().into()))?;
    Ok(parts)
}

fn draw(plot: Plot<'_>, chart: &Chart<'_>) -> Result<(), DrawingAreaErrorKind<Infallible>> {
    let places = chart.places.len().max(1);
    let top = scale(chart).max(1) as f64;
    let bottom = lowest(chart) as f64;
    let area = plot.into_drawing_area();
    let mut context = ChartBuilder::on(&area)
        .margin_top(units(4.0))
        .margin_right(units(4.0))
        .y_label_area_size(units(VALUES))
        .x_label_area_size(units(NAMES))
        .build_cartesian_2d(0.0..places as f64, bottom..top)?;
    let label = ("sans-serif", f64::from(LABEL * UNITS)).into_font().color(&TEXT);
    let place = |x: &f64| chart.places.get(*x as usize).cloned().unwrap_or_default();
    let value = |y: &f64| (chart.value)(*y as i64);
    context
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(thin(GRID))
        .light_line_style(TRANSPARENT)
        .axis_style(thin(GRID))
        .set_all_tick_mark_size(units(2.0))
        .x_labels(LABELS_MAX.min(places))
        .y_labels(LABELS_MAX)
        .x_label_formatter(&place)
        .y_label_formatter(&value)
        .label_style(label)
        .draw()?;
    match chart.shape {
        Shape::Line => {
            for series in &chart.series {
                let colour = series.hue.colour();
                let points = at_places(series, places).map(|(x, y)| (x + 0.5, y as f64));
                let line = ShapeStyle::from(colour).stroke_width(units(1.4));
                let ground = AreaSeries::new(points, bottom.max(0.0), colour.mix(0.12));
                context.draw_series(ground.border_style(line))?;
            }
        }
        Shape::Bars => {
            let mut piles = vec![(0_i64, 0_i64); places];
            for series in &chart.series {
                let fill = series.hue.colour().filled();
                let bars = at_places(series, places).zip(&mut piles).map(|((x, y), pile)| {
                    let end = if y < 0 { &mut pile.1 } else { &mut pile.0 };
                    let from = *end;
                    *end += y;
                    Rectangle::new([(x + 0.14, from as f64), (x + 0.86, *end as f64)], fill)
                });
                context.draw_series(bars.collect::<Vec<_>>())?;
            }
        }
    }
    area.present()
}

fn at_places(series: &Series, places: usize) -> impl Iterator<Item = (f64, i64)> {
    (0..places).map(|place| (place as f64, series.values.get(place).copied().unwrap_or_default()))
}

/// The sum at each place of the values that `counts` accepts.
fn piles<'c>(chart: &'c Chart<'_>, counts: fn(i64) -> bool) -> impl Iterator<Item = i64> + 'c {
    (0..chart.places.len()).map(move |place| {
        let there = chart.series.iter().filter_map(|it| it.values.get(place).copied());
        let counted = there.filter(|value| counts(*value));
        match chart.shape {
            Shape::Bars => counted.sum(),
            Shape::Line => counted.max_by_key(|value| value.abs()).unwrap_or_default(),
        }
    })
}

/// The upper end of the value axis: a little above the highest.
fn scale(chart: &Chart<'_>) -> i64 {
    let highest = piles(chart, |value| value > 0).max().unwrap_or_default();
    highest.saturating_add(highest / 8)
}

/// The lower end of the value axis: zero, unless there are negative values.
fn lowest(chart: &Chart<'_>) -> i64 {
    let lowest = piles(chart, |value| value < 0).min().unwrap_or_default().min(0);
    lowest.saturating_add(lowest / 8)
}

fn units(points: f32) -> u32 {
    (points * UNITS) as u32
}

fn thin(colour: RGBColor) -> ShapeStyle {
    ShapeStyle::from(colour).stroke_width(units(0.5))
}

/// The drawing backend of plotters.
struct Plot<'a> {
    fonts: &'a Fonts,
    origin: (f32, f32),
    size: (f32, f32),
    parts: &'a mut Vec<Part>,
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

impl Plot<'_> {
    fn at(&self, (x, y): BackendCoord) -> (f32, f32) {
        (self.origin.0 + x as f32 / UNITS, self.origin.1 + y as f32 / UNITS)
    }

    fn path(&mut self, points: Vec<BackendCoord>, stroke: Option<u32>, colour: BackendColor) {
        let tint = tint(colour);
        if tint.opacity > 0.0 {
            let points = points.into_iter().map(|point| self.at(point)).collect();
            let stroke = stroke.map(|width| width as f32 / UNITS);
            self.parts.push(Part::Path { points, stroke, tint });
        }
    }
}

fn tint(colour: BackendColor) -> Tint {
    Tint { rgb: colour.rgb, opacity: colour.alpha as f32 }
}

impl DrawingBackend for Plot<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (units(self.size.0), units(self.size.1))
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.path(vec![(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)], None, colour);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        self.path(corners, (!fill).then(|| style.stroke_width()), style.color());
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.path(path.into_iter().collect(), Some(style.stroke_width()), style.color());
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        self.path(corners.into_iter().collect(), None, style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        position: BackendCoord,
    ) -> Drawn {
        let line = self.fonts.line(text, set_in(style));
        let (x, y) = self.at(position);
        let Pos { h_pos, v_pos } = style.anchor();
        let x = match h_pos {
            HPos::Left => x,
            HPos::Center => x - line.width / 2.0,
            HPos::Right => x - line.width,
        };
        let baseline = match v_pos {
            VPos::Top => y + ascent(line.size),
            // Half of the height of most letters and digits.
            VPos::Center => y + line.size * 0.36,
            VPos::Bottom => y,
        };
        let tint = tint(style.color());
        self.parts.push(Part::Text { x, baseline, line, tint });
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let line = self.fonts.line(text, set_in(style));
        Ok((units(line.width), units(line.size)))
    }
}

fn set_in(style: &impl BackendTextStyle) -> Style {
    Style::regular(style.size() as f32 / UNITS).tabular()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Badge, DocumentBuilder, DocumentInfo, KpiCard};

    fn printed(values: &[i64], shape: Shape) -> Vec<u8> {
        let fonts = Fonts::embedded().unwrap();
        let mut document = DocumentBuilder::new(&fonts, "Figures", "ProLight AI");
        document.kpi_cards(&[KpiCard {
            label: "MRR".to_owned(),
            value: "1,234.00".to_owned(),
            aside: "+12.0 % on the 30 days before".to_owned(),
            badge: Badge::Good,
        }]);
        let series = |hue| Series { name: "Plans".to_owned(), hue, values: values.to_vec() };
        let chart = Chart {
            title: "Revenue".to_owned(),
            alt: "Revenue by day".to_owned(),
            places: values.iter().map(ToString::to_string).collect(),
            shape,
            series: vec![series(Hue::First), series(Hue::Second), series(Hue::Third)],
            value: &|value| value.to_string(),
        };
        document.charts(&[chart]).unwrap();
        let info = DocumentInfo {
            title: "Figures".to_owned(),
            author: "ProLight AI".to_owned(),
            id: "figures".to_owned(),
            created: [2026, 11, 26],
        };
        document.print(("ProLight AI", "Figures"), &info).unwrap()
    }

    /// The output is checked against PDF/A and PDF/UA while it is written.
    #[test]
    fn any_values_can_be_drawn() {
        for values in [&[][..], &[0], &[5], &[0, 0, 0], &[3, -4, 5], &[-1, -2], &[i64::MAX / 16, 0]]
        {
            for shape in [Shape::Line, Shape::Bars] {
                assert_eq!(printed(values, shape), printed(values, shape), "{values:?} {shape:?}");
            }
        }
    }
}
