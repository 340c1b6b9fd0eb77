//! A reader for tests that takes much less than a browser does: what it takes, every browser reads alike. Elements that are known, closed
//! and nested; attributes that are known, quoted and each there once; ids that are unique and references that lead somewhere; nothing
//! that runs, asks for something, or can't be seen. `tests/cases` reads the same file.

use std::collections::{BTreeMap, BTreeSet};

/// Elements of HTML, and those of SVG.
const HTML: &[&str] = &[
    "html",
    "head",
    "meta",
    "title",
    "style",
    "script",
    "body",
    "header",
    "nav",
    "main",
    "footer",
    "section",
    "article",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "p",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "div",
    "figure",
    "figcaption",
    "details",
    "summary",
    "pre",
    "code",
    "span",
    "bdi",
    "a",
    "svg",
];
const SVG: &[&str] = &[
    "g", "a", "rect", "path", "text", "title", "desc", "defs", "marker",
];
/// Attributes; none of style, of events, or that loads something.
const ATTRIBUTES: &[&str] = &[
    "lang",
    "dir",
    "charset",
    "name",
    "content",
    "http-equiv",
    "type",
    "id",
    "class",
    "role",
    "scope",
    "href",
    "tabindex",
    "aria-hidden",
    "aria-label",
    "aria-labelledby",
    "data-key",
    "viewBox",
    "width",
    "height",
    "x",
    "y",
    "rx",
    "d",
    "transform",
    "text-anchor",
    "marker-end",
    "refX",
    "refY",
    "markerWidth",
    "markerHeight",
    "orient",
];
/// What an element may hold beside text, where that is bounded.
const WITHIN: &[(&str, &[&str])] = &[
    ("ul", &["li"]),
    ("ol", &["li"]),
    ("dl", &["dt", "dd"]),
    ("table", &["caption", "thead", "tbody"]),
    ("thead", &["tr"]),
    ("tbody", &["tr"]),
    ("tr", &["th", "td"]),
    ("p", &["code", "bdi", "span"]),
    ("dt", &["bdi"]),
    ("dd", &["bdi"]),
    ("summary", &["bdi"]),
    ("caption", &["bdi"]),
    ("figcaption", &["bdi"]),
    ("bdi", &[]),
    ("pre", &["code"]),
    ("title", &[]),
    ("desc", &[]),
    ("text", &[]),
];

/// What was read.
#[derive(Debug, Default)]
pub struct Page {
    /// Every element in order of its start, each with its attributes in order.
    pub elements: Vec<(String, BTreeMap<String, String>)>,
    /// All text outside of scripts and styles, its entities resolved, a line for each piece.
    pub text: String,
    /// What stands in `style` and in `script` elements, in order, each with the `type` that it has.
    pub raw: Vec<(String, String)>,
}

/// Reads a page.
///
/// # Errors
/// Says what a browser would have had to guess, or must not do.
pub fn read(html: &str) -> Result<Page, String> {
    let mut rest = html
        .strip_prefix("<!DOCTYPE html>\n")
        .ok_or("no document type")?;
    if let Some(c) = html.chars().find(|c| unseen(*c)) {
        return Err(format!("a character that can't be seen: {c:?}"));
    }
    let mut page = Page::default();
    let mut open: Vec<String> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut led_to: Vec<String> = Vec::new();
    while let Some((text, after)) = rest.split_once('<') {
        words(&mut page, &open, text)?;
        let (tag, after) = tag(after)?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let top = open.pop();
            if top.as_deref() != Some(name) {
                return Err(format!("</{name}> ends {top:?}"));
            }
            continue;
        }
        let (tag, closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = parts(tag)?;
        placed(name, &attributes, &open)?;
        if let Some(id) = attributes.get("id")
            && (id.is_empty() || id.contains(char::is_whitespace) || !ids.insert(id.clone()))
        {
            return Err(format!("the id {id:?} is empty, in pieces, or there twice"));
        }
        if let Some(href) = attributes.get("href") {
            let id = href.strip_prefix('#');
            led_to.push(id.ok_or(format!("a link leads away: {href}"))?.to_owned());
        }
        if let Some(list) = attributes.get("aria-labelledby") {
            led_to.extend(list.split(' ').map(str::to_owned));
        }
        if let Some(end) = attributes.get("marker-end") {
            let id = end
                .strip_prefix("url(#")
                .and_then(|id| id.strip_suffix(')'));
            led_to.push(id.ok_or(format!("{end:?} is no mark"))?.to_owned());
        }
        let foreign = open.iter().any(|name| name == "svg");
        let (owned, kind) = (name.to_owned(), attributes.get("type").cloned());
        page.elements.push((owned.clone(), attributes));
        if owned == "meta" {
            continue;
        }
        if closed {
            if !foreign {
                return Err(format!("<{owned}/> is not closed in HTML"));
            }
            continue;
        }
        if owned == "style" || owned == "script" {
            let end = format!("</{owned}>");
            let (content, after) = rest.split_once(&end).ok_or("it has no end")?;
            // Within these, a browser knows more than the end tag (HTML Standard, section 13.2.5.15).
            for part in ["<!--", "<script", "</"] {
                if content.to_lowercase().contains(part) {
                    return Err(format!("{part} in a {owned} element"));
                }
            }
            page.raw.push((kind.unwrap_or(owned), content.to_owned()));
            rest = after;
            continue;
        }
        open.push(owned);
    }
    words(&mut page, &open, rest)?;
    if !open.is_empty() {
        return Err(format!("{open:?} have no end"));
    }
    if let Some(id) = led_to.iter().find(|id| !ids.contains(*id)) {
        return Err(format!(
            "something points at {id:?}, and nothing has that id"
        ));
    }
    outline(&page)?;
    Ok(page)
}

/// A tag up to its end, which is no `>` within quotes, and what follows it.
fn tag(text: &str) -> Result<(&str, &str), String> {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' => return Err("a < within a tag".to_owned()),
            '>' if !quoted => {
                let (tag, rest) = text.split_at(at);
                return Ok((tag, &rest[1..]));
            }
            _ => {}
        }
    }
    Err("a tag has no end".to_owned())
}

/// The name and the attributes of a start tag.
fn parts(tag: &str) -> Result<(&str, BTreeMap<String, String>), String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut attributes = BTreeMap::new();
    while !rest.is_empty() {
        let (attribute, after) = rest.split_once("=\"").ok_or(format!("in <{tag}>"))?;
        let (value, after) = after.split_once('"').ok_or(format!("in <{tag}>"))?;
        if !ATTRIBUTES.contains(&attribute) {
            return Err(format!("the attribute {attribute:?} in <{tag}>"));
        }
        if attributes
            .insert(attribute.to_owned(), resolved(value)?)
            .is_some()
        {
            return Err(format!("{attribute} twice in <{tag}>"));
        }
        rest = after.strip_prefix(' ').unwrap_or(after);
        if rest.len() == after.len() && !rest.is_empty() {
            return Err(format!("no space between attributes in <{tag}>"));
        }
    }
    for (attribute, value) in &attributes {
        let text = attribute == "content" || attribute == "aria-label" || attribute == "data-key";
        if !text && (value.contains("//") || value.contains("script:")) {
            return Err(format!("{attribute}={value:?} asks for something"));
        }
    }
    Ok((name, attributes))
}

/// Whether an element may stand where it stands, with what it has.
fn placed(name: &str, has: &BTreeMap<String, String>, open: &[String]) -> Result<(), String> {
    let foreign = open.iter().any(|name| name == "svg");
    if !(if foreign { SVG } else { HTML }).contains(&name) {
        return Err(format!("the element <{name}> in {open:?}"));
    }
    let Some(parent) = open.last() else {
        return if name == "html" {
            Ok(())
        } else {
            Err(format!("<{name}> outside of all"))
        };
    };
    if let Some((_, allowed)) = WITHIN.iter().find(|(within, _)| within == parent)
        && !allowed.contains(&name)
    {
        return Err(format!("<{name}> in <{parent}>"));
    }
    let needed: &[&str] = match name {
        "th" => &["scope"],
        "svg" => &["viewBox", "width", "height"],
        "nav" => &["aria-label"],
        "section" | "article" => &["aria-labelledby"],
        "html" => &["lang"],
        "a" => &["href"],
        _ => &[],
    };
    match needed.iter().find(|needed| !has.contains_key(**needed)) {
        Some(needed) => Err(format!("<{name}> without {needed}")),
        None => Ok(()),
    }
}

fn words(page: &mut Page, open: &[String], text: &str) -> Result<(), String> {
    let said = resolved(text)?;
    if text.contains('>') {
        return Err(format!("a > that is none of a tag: {text:?}"));
    }
    if said.trim().is_empty() {
        return Ok(());
    }
    if open.len() < 3 {
        return Err(format!("text outside of all elements: {said:?}"));
    }
    page.text.push_str(&said);
    page.text.push('\n');
    Ok(())
}

/// Text with its entities resolved; only those that XML has, too.
fn resolved(text: &str) -> Result<String, String> {
    let mut pieces = text.split('&');
    let mut said = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let (entity, rest) = piece
            .split_once(';')
            .ok_or(format!("a bare & in {text:?}"))?;
        said.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => return Err(format!("the entity &{other};")),
        });
        said.push_str(rest);
    }
    Ok(said)
}

/// Landmarks that are there once, headings in order, tables that say what they are, parts that open with what they are.
fn outline(page: &Page) -> Result<(), String> {
    let count = |name: &str| page.elements.iter().filter(|(n, _)| n == name).count();
    for once in [
        "html", "head", "title", "style", "body", "header", "nav", "main", "footer", "h1",
    ] {
        let number = count(once);
        // A picture has titles of its own.
        if number != 1 && !(once == "title" && number > 0) {
            return Err(format!("{number} of <{once}>"));
        }
    }
    let mut level = 0;
    for (name, _) in &page.elements {
        let digit = name
            .strip_prefix('h')
            .and_then(|level| level.parse::<u32>().ok());
        if let Some(next) = digit {
            if next > level + 1 {
                return Err(format!("h{next} below h{level}"));
            }
            level = next;
        }
    }
    for pair in page.elements.windows(2) {
        let [(one, _), (next, _)] = pair else {
            continue;
        };
        for (outer, first) in [("table", "caption"), ("details", "summary")] {
            if one == outer && next != first {
                return Err(format!("<{outer}> begins with <{next}>"));
            }
        }
    }
    Ok(())
}

/// Whether a character moves the cursor, turns the direction of text, has no width, or stands for none. All that is written in a page
/// is seen; a line may end.
pub fn unseen(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}
