//! The topology as a picture that stands for itself: no script, no font, style or image from elsewhere; it follows the reader's choice of
//! dark or light, and each box has a title for who hovers or listens.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::Document;
use super::graph::{Arrow, Figure, Look, Place, Stroke, figures};

/// A line of text is broken behind so many columns.
const COLUMNS: usize = 44;
/// Width of a column and height of a line, in the units of the picture.
const COLUMN: usize = 8;
const LINE: usize = 17;
/// Around the text of a box, between boxes, and between layers.
const PADDING: usize = 10;
const BESIDE: usize = 24;
const BETWEEN: usize = 44;
/// Around the picture.
const MARGIN: usize = 24;

/// What does not depend on dark or light.
const SHAPES: &str = "text{font:13px ui-monospace,Menlo,Consolas,monospace}.title{font-weight:bold}rect.box{stroke-width:1.2}\
.destination rect.box,.broken rect.box{stroke-width:3}.silent rect.box{stroke-dasharray:5 4}\
path.link{fill:none;stroke-width:1.5}path.dashed,path.cut{stroke-dasharray:5 4}.tip-cut{fill:none;stroke-width:2}";

/// The colours of one scheme.
struct Palette {
    paper: &'static str,
    ink: &'static str,
    line: &'static str,
    panel: &'static str,
    bad: &'static str,
    good: &'static str,
}

const LIGHT: Palette = Palette {
    paper: "#fff",
    ink: "#1f2328",
    line: "#59636e",
    panel: "#f6f8fa",
    bad: "#b3151f",
    good: "#116329",
};
const DARK: Palette = Palette {
    paper: "#0d1117",
    ink: "#f0f6fc",
    line: "#9198a1",
    panel: "#151b23",
    bad: "#ff8b85",
    good: "#56d364",
};

/// The style sheet: light, and dark for whoever asks for it. No variables and no nesting: many viewers and converters that are no browsers
/// know CSS 2 alone, and draw in black what has a colour that they can't read.
fn style() -> String {
    format!(
        "{SHAPES}{}@media (prefers-color-scheme:dark){{{}}}",
        colours(&LIGHT),
        colours(&DARK)
    )
}

fn colours(palette: &Palette) -> String {
    let Palette {
        paper,
        ink,
        line,
        panel,
        bad,
        good,
    } = palette;
    format!(
        ".paper{{fill:{paper}}}text{{fill:{ink}}}rect.box{{fill:{panel};stroke:{line}}}.source rect.box{{fill:{paper}}}\
         .destination rect.box{{stroke:{good}}}.broken rect.box,.tip-cut{{stroke:{bad}}}.broken text{{fill:{bad}}}\
         path.link{{stroke:{line}}}path.cut{{stroke:{bad}}}.tip{{fill:{line}}}g:focus rect.box{{outline:2px solid {ink}}}"
    )
}

/// What a page around a picture adds to it.
pub(super) struct Around<'p> {
    /// What the ids in it begin with, so that there may be several pictures in one page.
    pub prefix: &'p str,
    /// For each shape: what is told of it to who points at it, and where its details stand.
    pub notes: &'p [Note],
}

/// What a page tells of a shape.
pub(super) struct Note {
    /// What it is, in full.
    pub text: String,
    /// The id of what it leads to; none where there is no more to be read.
    pub leads_to: Option<String>,
}

/// A figure as part of a page that has a style of its own: the content of an `svg` element, and its width and height.
pub(super) fn part(figure: &Figure, around: &Around<'_>) -> (String, usize, usize) {
    let drawn = Drawn::of(figure);
    let mut body = tips(around.prefix);
    // A frame that is focused reaches a little beyond its box.
    let _ = write!(body, "<g transform=\"translate({PADDING} {PADDING})\">");
    drawn.put(&mut body, figure, Some(around));
    body.push_str("</g>");
    (body, drawn.width + 2 * PADDING, drawn.height + PADDING)
}

/// The ends of arrows.
fn tips(prefix: &str) -> String {
    format!(
        "<defs><marker id=\"{prefix}tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker>\
         <marker id=\"{prefix}cut\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">\
         <path class=\"tip-cut\" d=\"M0 0L8 8M0 8L8 0\"/></marker></defs>\n"
    )
}

/// The picture of a document.
pub fn render(document: Document<'_>) -> String {
    let figures = figures(document);
    let (mut width, mut height) = (0, MARGIN);
    let mut body = String::new();
    for figure in &figures {
        let drawn = Drawn::of(figure);
        let title = broken_lines(&figure.title, 2 * COLUMNS);
        for line in &title {
            height += LINE;
            text(&mut body, "title", MARGIN, height, line);
            width = width.max(line.width() * COLUMN);
        }
        height += LINE;
        // Writing to a string can't fail.
        let _ = write!(body, "<g transform=\"translate({MARGIN} {height})\">");
        drawn.put(&mut body, figure, None);
        body.push_str("</g>\n");
        width = width.max(drawn.width);
        height += drawn.height + MARGIN;
    }
    width += 2 * MARGIN;
    let about: Vec<&str> = figures.iter().map(|figure| figure.title.as_str()).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <title>{}</title>\n<style>{}</style>\n\
         {}<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
        escaped(&about.join("; ")),
        style(),
        tips("")
    )
}

/// A box at its place.
#[derive(Debug, Clone)]
struct Set {
    lines: Vec<String>,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Set {
    fn new(lines: &[String]) -> Self {
        let lines: Vec<String> = lines
            .iter()
            .flat_map(|line| broken_lines(line, COLUMNS))
            .collect();
        let columns = lines.iter().map(|line| line.width()).max().unwrap_or(0);
        Self {
            width: columns * COLUMN + 2 * PADDING,
            height: lines.len() * LINE + 2 * PADDING,
            left: 0,
            top: 0,
            lines,
        }
    }

    const fn middle(&self) -> usize {
        self.left + self.width / 2
    }
}

/// Where a link passes a layer: its middle, and the top and the bottom of the layer.
type Pass = (usize, usize, usize);

/// A figure with each part at its place.
struct Drawn {
    boxes: Vec<Set>,
    /// Where each link passes layers.
    passing: BTreeMap<(usize, usize), Vec<Pass>>,
    /// The bottom of each box's layer.
    floor: Vec<usize>,
    width: usize,
    height: usize,
}

impl Drawn {
    fn of(figure: &Figure) -> Self {
        let mut boxes: Vec<Set> = figure
            .shapes
            .iter()
            .map(|shape| Set::new(&shape.lines))
            .collect();
        let mut rows: Vec<Vec<Place>> = vec![vec![Place::Vertex(0)]];
        match &figure.layers {
            // What stands in the graph comes behind this machine.
            Some(layers) => rows.extend(layers.rows.iter().map(|row| {
                row.iter()
                    .map(|place| match place {
                        Place::Vertex(at) => Place::Vertex(at + 1),
                        Place::Passing(from, to) => Place::Passing(from + 1, to + 1),
                    })
                    .collect()
            })),
            None => rows.extend((1..boxes.len()).map(|at| vec![Place::Vertex(at)])),
        }
        let breadth = |place: &Place, boxes: &[Set]| match place {
            Place::Vertex(at) => boxes.get(*at).map_or(0, |set| set.width),
            Place::Passing(..) => BESIDE,
        };
        let wide = |row: &Vec<Place>, boxes: &[Set]| {
            let all: usize = row.iter().map(|place| breadth(place, boxes) + BESIDE).sum();
            all.saturating_sub(BESIDE)
        };
        let width = rows.iter().map(|row| wide(row, &boxes)).max().unwrap_or(0);
        let mut passing: BTreeMap<(usize, usize), Vec<Pass>> = BTreeMap::new();
        let mut floor = vec![0; boxes.len()];
        let mut top = 0;
        for row in &rows {
            let tallest = row.iter().filter_map(|place| match place {
                Place::Vertex(at) => boxes.get(*at).map(|set| set.height),
                Place::Passing(..) => None,
            });
            let bottom = top + tallest.max().unwrap_or(0);
            let mut left = (width - wide(row, &boxes)) / 2;
            for place in row {
                let breadth = breadth(place, &boxes);
                match place {
                    Place::Vertex(at) => {
                        if let (Some(set), Some(floor)) = (boxes.get_mut(*at), floor.get_mut(*at)) {
                            (set.left, set.top) = (left, top);
                            *floor = bottom;
                        }
                    }
                    Place::Passing(from, to) => passing.entry((*from, *to)).or_default().push((
                        left + breadth / 2,
                        top,
                        bottom,
                    )),
                }
                left += breadth + BESIDE;
            }
            top = bottom + BETWEEN;
        }
        Self {
            boxes,
            passing,
            floor,
            width,
            height: top,
        }
    }

    fn put(&self, body: &mut String, figure: &Figure, around: Option<&Around<'_>>) {
        let prefix = around.map_or("", |around| around.prefix);
        if figure.layers.is_some() {
            for arrow in &figure.arrows {
                self.link(body, prefix, arrow);
            }
        } else {
            text(
                body,
                "",
                0,
                self.height,
                "too many links to be drawn; -o json has them all",
            );
        }
        for (at, (shape, set)) in figure.shapes.iter().zip(&self.boxes).enumerate() {
            let look = match shape.look {
                Look::Source => "source",
                Look::Router => "router",
                Look::Destination => "destination",
                Look::Silent => "silent",
                Look::Broken => "broken",
            };
            let corner = if shape.look == Look::Source {
                set.height / 2
            } else {
                6
            };
            let note = around.and_then(|around| around.notes.get(at));
            let told = note.map_or_else(|| shape.lines.join("; "), |note| note.text.clone());
            let leads_to = note.and_then(|note| note.leads_to.as_deref());
            let (tag, reached) = match leads_to {
                // A link can be reached by the keyboard as it is.
                Some(id) => ("a", format!("href=\"#{}\"", escaped(id))),
                None => ("g", "tabindex=\"0\"".to_owned()),
            };
            let _ = write!(
                body,
                "<{tag} class=\"{look}\" {reached}><title>{}</title><rect class=\"box\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{corner}\"/>",
                escaped(&told),
                set.left,
                set.top,
                set.width,
                set.height
            );
            let mut bottom = set.top + PADDING - 4;
            for line in &set.lines {
                bottom += LINE;
                text(body, "", set.left + PADDING, bottom, line);
            }
            let _ = writeln!(body, "</{tag}>");
        }
    }

    /// A line down to the floor of the layer, then bent to the next place.
    fn link(&self, body: &mut String, prefix: &str, arrow: &Arrow) {
        let Arrow { from, to, line } = *arrow;
        let (Some(upper), Some(lower), Some(floor)) = (
            self.boxes.get(from),
            self.boxes.get(to),
            self.floor.get(from),
        ) else {
            return;
        };
        let mut way = format!("M{} {}V{floor}", upper.middle(), upper.top + upper.height);
        let (mut x, mut y) = (upper.middle(), *floor);
        let ends = [(lower.middle(), lower.top, lower.top)];
        let passing = self.passing.get(&(from, to)).into_iter().flatten();
        for (middle, top, bottom) in passing.chain(&ends) {
            let half = usize::midpoint(y, *top);
            let _ = write!(way, "C{x} {half} {middle} {half} {middle} {top}");
            if bottom > top {
                let _ = write!(way, "V{bottom}");
            }
            (x, y) = (*middle, *bottom);
        }
        let (class, tip) = match line {
            Stroke::Whole => ("link", "tip"),
            Stroke::Dashed => ("link dashed", "tip"),
            Stroke::Cut => ("link cut", "cut"),
        };
        let _ = writeln!(
            body,
            "<path class=\"{class}\" marker-end=\"url(#{prefix}{tip})\" d=\"{way}\"/>"
        );
    }
}

fn text(body: &mut String, class: &str, x: usize, y: usize, line: &str) {
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    let _ = write!(
        body,
        "<text{class} x=\"{x}\" y=\"{y}\">{}</text>",
        escaped(line)
    );
}

/// A line in pieces of at most so many columns, broken at spaces where there are some.
fn broken_lines(line: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in line.split_inclusive(' ') {
        let width = pieces.last().map_or(0, |piece| piece.width());
        if width > 0 && width + word.trim_end().width() > room {
            pieces.push(String::new());
        }
        for c in word.chars() {
            let full = pieces.last().is_some_and(|piece| piece.width() >= room);
            if full && c != ' ' {
                pieces.push(String::new());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.push(c);
            }
        }
    }
    pieces
        .iter()
        .map(|piece| piece.trim_end().to_owned())
        .collect()
}

/// Text for XML: what would be markup is an entity, and what XML does not allow at all is replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if noncharacter(c) => safe.push('\u{fffd}'),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Whether it is a code point that stands for no character, ever (Unicode, section 23.7).
pub(super) const fn noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::{broken_lines, render, style};
    use crate::report::{Document, fixtures, graph::samples};

    /// Whether it is well formed, as far as it uses XML: tags in pairs, quoted attributes, known entities.
    fn well_formed(text: &str) {
        let mut open: Vec<&str> = Vec::new();
        for piece in text.split('<').skip(1) {
            let (tag, content) = piece.split_once('>').expect("a tag has no end");
            for entity in content.split('&').skip(1) {
                let known = ["amp;", "lt;", "gt;", "quot;"];
                assert!(
                    known.iter().any(|name| entity.starts_with(name)),
                    "{entity}"
                );
            }
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }

    #[test]
    fn every_picture_is_well_formed_and_has_its_links_and_titles() {
        for (name, path) in samples::all() {
            let report = samples::report(&path);
            let text = render(Document::Report(&report));
            well_formed(&text);
            let graph = super::super::graph::Graph::of(&path, &report.endpoints[0]);
            let first = graph.vertices.iter().filter(|v| v.first == 1).count();
            assert_eq!(
                text.matches("<path class=\"link").count(),
                graph.links.len() + first,
                "{name}"
            );
            // One for each box, and one for the picture.
            assert_eq!(
                text.matches("<title>").count(),
                graph.vertices.len() + 2,
                "{name}"
            );
            for needed in ["http://", "https://", "script>", "href", "@import"] {
                let own = usize::from(needed == "http://");
                assert_eq!(text.matches(needed).count(), own, "{name}: {needed}");
            }
        }
        for (_, report) in fixtures::all() {
            well_formed(&render(Document::Report(&report)));
        }
        well_formed(&render(Document::Batch(&fixtures::batch())));
    }

    /// Viewers that are no browsers (librsvg, for one) know neither variables nor nested rules.
    #[test]
    fn the_style_is_plain_and_colours_whatever_is_drawn() {
        let style = style();
        assert!(!style.contains("var(") && !style.contains("--"), "{style}");
        let light = style.split("@media").next().unwrap();
        let drawn = [
            ".paper",
            "text",
            "rect.box",
            "path.link",
            ".tip",
            ".tip-cut",
        ];
        for what in drawn {
            let of = light.split('}').filter(|rule| {
                let (names, _) = rule.split_once('{').unwrap_or_default();
                names.split(',').any(|name| name.trim() == what)
            });
            assert!(
                of.into_iter().any(|rule| rule.contains('#')),
                "{what}: {light}"
            );
        }
        assert_eq!(style.matches('{').count(), style.matches('}').count());
    }

    #[test]
    fn boxes_do_not_overlap() {
        for (name, path) in samples::all() {
            let report = samples::report(&path);
            let figures = super::figures(Document::Report(&report));
            let drawn = super::Drawn::of(&figures[0]);
            for (at, one) in drawn.boxes.iter().enumerate() {
                assert!(one.left + one.width <= drawn.width, "{name}");
                for other in &drawn.boxes[at + 1..] {
                    let beside =
                        one.left + one.width <= other.left || other.left + other.width <= one.left;
                    let apart =
                        one.top + one.height <= other.top || other.top + other.height <= one.top;
                    assert!(beside || apart, "{name}: {one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn long_lines_are_broken_and_nothing_is_lost() {
        assert_eq!(broken_lines("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(broken_lines("aaaaaaa", 3), ["aaa", "aaa", "a"]);
        assert_eq!(broken_lines("", 3), [""]);
    }
}
