//! Writes laid-out pages as a PDF: archivable (PDF/A-2a) and accessible (PDF/UA-1), so it is
//! tagged, its text can be read and copied, and all fonts are embedded.

use std::num::NonZeroU16;

use krilla::{
    Document, SerializeSettings,
    action::LinkAction,
    annotation::{Annotation, LinkAnnotation, Target},
    color::rgb,
    configure::{Accessibility, Archival, ConfigurationBuilder},
    destination::XyzDestination,
    geom::{Path, PathBuilder, Point, Rect},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    outline::{Outline, OutlineNode},
    page::{Page, PageSettings},
    paint::{Fill, FillRule, Stroke},
    surface::Surface,
    tagging::{
        Artifact, ArtifactType, ContentTag, Identifier, Node, SpanTag, TableHeaderScope, Tag,
        TagGroup, TagKind, TagTree,
    },
};

use crate::{
    PdfError,
    page::{Cell, CellKind, Item, PAGE, Role},
    shapes::{Part, Tint},
    typeset::Line,
};

/// The language of our texts.
const LANGUAGE: &str = "en";

/// The document's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentInfo {
    /// Its title.
    pub title: String,
    /// Its issuer.
    pub author: String,
    /// Identifies the document; the same for every rendering of it.
    pub id: String,
    /// Year, month and day of its subject.
    pub created: [i32; 3],
}

/// The bytes of the document. The same pages give the same bytes.
///
/// # Errors
/// When it does not conform to its declared standard.
pub(crate) fn paint(pages: &[Vec<Item>], info: &DocumentInfo) -> Result<Vec<u8>, PdfError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| PdfError::Pdf(format!("{error:?}").into()))?;
    let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    let mut structure = Structure::default();
    for items in pages {
        let size = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or(PdfError::Geometry)?;
        paint_page(document.start_page_with(size), items, &mut structure)?;
    }
    let mut outline = Outline::new();
    let top = XyzDestination::new(0, Point::from_xy(0.0, 0.0));
    outline.push_child(OutlineNode::new(info.title.clone(), top));
    document.set_outline(outline);
    document.set_tag_tree(structure.tree(&info.title));
    document.set_metadata(metadata(info));
    document.finish().map_err(|error| PdfError::Pdf(error.into()))
}

/// Elements in reading order.
#[derive(Default)]
struct Structure {
    elements: Vec<(Role, Vec<Node>)>,
    /// The alternative texts of figures.
    alts: Vec<(usize, String)>,
}

/// A linked text, written once its page exists.
struct Linked<'a> {
    role: Role,
    content: Identifier,
    area: Rect,
    url: &'a str,
}

fn metadata(info: &DocumentInfo) -> Metadata {
    let [year, month, day] = info.created;
    let part = |number: i32| u8::try_from(number).unwrap_or(1);
    let created = DateTime::new(u16::try_from(year).unwrap_or(0)).month(part(month));
    Metadata::new()
        .title(info.title.clone())
        .authors(vec![info.author.clone()])
        .document_id(info.id.clone())
        .language(LANGUAGE.to_owned())
        .creation_date(created.day(part(day)).utc_offset_hour(0))
}

fn paint_page(
    mut page: Page<'_>,
    items: &[Item],
    structure: &mut Structure,
) -> Result<(), PdfError> {
    let mut linked = Vec::new();
    let mut surface = page.surface();
    for item in items {
        match item {
            Item::Area { x, y, width, height, radius, color } => {
                let area = Rect::from_xywh(*x, *y, *width, *height);
                let path = area.and_then(|area| rounded(area, *radius));
                let path = path.ok_or(PdfError::Geometry)?;
                surface.start_tagged(artifact(ArtifactType::Layout));
                surface.set_fill(Some(filled(Tint::solid(color.rgb()))?));
                surface.draw_path(&path);
                surface.end_tagged();
            }
            Item::Text { x, baseline, line, color, role, link } if !line.runs.is_empty() => {
                let tag = match role {
                    Role::Artifact => artifact(ArtifactType::PaginationOther),
                    Role::Title | Role::Paragraph(_) | Role::Figure(_) | Role::Cell(_) => {
                        ContentTag::Span(SpanTag::empty())
                    }
                };
                let content = surface.start_tagged(tag);
                surface.set_fill(Some(filled(Tint::solid(color.rgb()))?));
                draw(&mut surface, line, Point::from_xy(*x, *baseline));
                surface.end_tagged();
                match link {
                    Some(url) => {
                        let (top, height) = (baseline - line.size, line.size * 1.3);
                        let area = Rect::from_xywh(*x, top, line.width, height);
                        let area = area.ok_or(PdfError::Geometry)?;
                        linked.push(Linked { role: *role, content, area, url });
                    }
                    None => structure.add(*role, content.into()),
                }
            }
            Item::Text { role, .. } => structure.keep(*role),
            Item::Figure { number, alt, parts } => {
                let content = surface.start_tagged(ContentTag::Other);
                parts.iter().try_for_each(|part| paint_part(&mut surface, part))?;
                surface.end_tagged();
                structure.add(Role::Figure(*number), content.into());
                structure.alts.push((*number, alt.clone()));
            }
        }
    }
    surface.finish();
    for Linked { role, content, area, url } in linked {
        let target = Target::Action(LinkAction::new(url.to_owned()).into());
        let annotation = LinkAnnotation::new(area, target);
        let annotation = Annotation::new_link(annotation, Some(format!("Opens {url}")));
        let annotation = page.add_tagged_annotation(annotation);
        let link = TagGroup::with_children(Tag::Link, vec![annotation.into(), content.into()]);
        structure.add(role, link.into());
    }
    page.finish();
    Ok(())
}

fn paint_part(surface: &mut Surface<'_>, part: &Part) -> Result<(), PdfError> {
    match part {
        Part::Path { points, stroke, tint } => {
            let mut path = PathBuilder::new();
            for (index, (x, y)) in points.iter().enumerate() {
                if index == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
            }
            if stroke.is_none() {
                path.close();
            }
            // A line without length draws nothing.
            let Some(path) = path.finish() else { return Ok(()) };
            let Fill { paint, opacity, .. } = filled(*tint)?;
            let line = stroke.map(|width| Stroke { paint, opacity, width, ..Stroke::default() });
            surface.set_fill(if line.is_none() { Some(filled(*tint)?) } else { None });
            surface.set_stroke(line);
            surface.draw_path(&path);
            surface.set_stroke(None);
        }
        Part::Text { x, baseline, line, tint } => {
            surface.set_fill(Some(filled(*tint)?));
            draw(surface, line, Point::from_xy(*x, *baseline));
        }
    }
    Ok(())
}

fn filled(Tint { rgb: (red, green, blue), opacity }: Tint) -> Result<Fill, PdfError> {
    let opacity = NormalizedF32::new(opacity).ok_or(PdfError::Geometry)?;
    let paint = rgb::Color::new(red, green, blue).into();
    Ok(Fill { paint, opacity, rule: FillRule::default() })
}

fn draw(surface: &mut Surface<'_>, line: &Line, start: Point) {
    let mut x = start.x;
    for run in &line.runs {
        let at = Point::from_xy(x, start.y);
        surface.draw_glyphs(at, &run.glyphs, run.font.clone(), &run.text, line.size, false);
        x += run.width(line.size);
    }
}

fn artifact(kind: ArtifactType) -> ContentTag<'static> {
    ContentTag::Artifact(Artifact::with_kind(kind))
}

/// A rectangle whose corners are quarters of a circle of `radius` points.
fn rounded(area: Rect, radius: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    if radius <= 0.0 {
        path.push_rect(area);
        return path.finish();
    }
    let (left, top, right, bottom) = (area.left(), area.top(), area.right(), area.bottom());
    // The distance of a Bézier curve's handles from the corner for a quarter of a circle.
    let near = radius * (1.0 - 0.552_284_8);
    path.move_to(left + radius, top);
    path.line_to(right - radius, top);
    path.cubic_to(right - near, top, right, top + near, right, top + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(right, bottom - near, right - near, bottom, right - radius, bottom);
    path.line_to(left + radius, bottom);
    path.cubic_to(left + near, bottom, left, bottom - near, left, bottom - radius);
    path.line_to(left, top + radius);
    path.cubic_to(left, top + near, left + near, top, left + radius, top);
    path.close();
    path.finish()
}

impl Structure {
    /// Adds `node` to the element of `role`: the last one, if it has that role.
    fn add(&mut self, role: Role, node: Node) {
        if role == Role::Artifact {
            return;
        }
        self.keep(role);
        if let Some((_, nodes)) = self.elements.last_mut() {
            nodes.push(node);
        }
    }

    /// Ensures that an element of `role` exists: an empty cell is a cell too.
    fn keep(&mut self, role: Role) {
        let last = self.elements.last().map(|(last, _)| *last);
        if role != Role::Artifact && last != Some(role) {
            self.elements.push((role, Vec::new()));
        }
    }

    fn tree(self, title: &str) -> TagTree {
        let mut tree = TagTree::new().with_lang(Some(LANGUAGE.to_owned()));
        let mut table: Option<(Cell, TagGroup, TagGroup)> = None;
        for (role, nodes) in self.elements {
            let cell = match role {
                Role::Cell(cell) => Some(cell),
                Role::Artifact | Role::Title | Role::Paragraph(_) | Role::Figure(_) => None,
            };
            let same_table = |(at, ..): &(Cell, TagGroup, TagGroup)| {
                cell.is_some_and(|cell| cell.table == at.table)
            };
            if !table.as_ref().is_some_and(same_table) {
                close_table(&mut tree, table.take());
            }
            match cell {
                Some(cell) => {
                    let group = TagGroup::with_children(cell_tag(cell.kind), nodes);
                    table = Some(with_cell(table, cell, group));
                }
                None => {
                    tree.push(TagGroup::with_children(block_tag(role, title, &self.alts), nodes))
                }
            }
        }
        close_table(&mut tree, table);
        tree
    }
}

/// The table with one more cell: in its open row, or in a new one.
fn with_cell(
    table: Option<(Cell, TagGroup, TagGroup)>,
    cell: Cell,
    group: TagGroup,
) -> (Cell, TagGroup, TagGroup) {
    let (at, mut table, mut row) =
        table.unwrap_or_else(|| (cell, TagGroup::new(Tag::Table), TagGroup::new(Tag::TR)));
    if at.row != cell.row {
        table.push(std::mem::replace(&mut row, TagGroup::new(Tag::TR)));
    }
    row.push(group);
    (cell, table, row)
}

fn close_table(tree: &mut TagTree, table: Option<(Cell, TagGroup, TagGroup)>) {
    if let Some((_, mut table, row)) = table {
        table.push(row);
        tree.push(table);
    }
}

fn cell_tag(kind: CellKind) -> TagKind {
    match kind {
        CellKind::ColumnHead => Tag::TH(TableHeaderScope::Column).into(),
        CellKind::RowHead => Tag::TH(TableHeaderScope::Row).into(),
        CellKind::Data => Tag::TD.into(),
    }
}

fn block_tag(role: Role, title: &str, alts: &[(usize, String)]) -> TagKind {
    match role {
        Role::Title => Tag::Hn(NonZeroU16::MIN, Some(title.to_owned())).into(),
        Role::Figure(number) => {
            let alt = alts.iter().find(|(of, _)| *of == number).map(|(_, alt)| alt.clone());
            Tag::Figure(alt).into()
        }
        Role::Artifact | Role::Paragraph(_) | Role::Cell(_) => Tag::P.into(),
    }
}
