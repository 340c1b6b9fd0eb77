//! A reader of XML as far as JUnit's form uses it, stricter than XML is, and what the schemas of JUnit's readers ask for.

use nwcheck::model::report::Verdict;
use nwcheck::report::Form;

/// An element.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn attribute(&self, name: &str) -> &str {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("{} has no {name}", self.name), |(_, text)| text)
    }

    fn names(&self) -> Vec<&str> {
        self.children.iter().map(|child| &*child.name).collect()
    }

    /// Its elements and attributes, without texts.
    fn parts(&self, depth: usize, parts: &mut Vec<String>) {
        let names: Vec<&str> = self.attributes.iter().map(|(name, _)| &**name).collect();
        parts.push(format!("{depth} {} {}", self.name, names.join(" ")));
        for child in &self.children {
            child.parts(depth + 1, parts);
        }
    }
}

/// The one element of a document.
fn read(xml: &str) -> Element {
    let rest = xml
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
        .unwrap();
    let (element, rest) = element(rest);
    assert_eq!(rest, "\n");
    element
}

fn element(rest: &str) -> (Element, &str) {
    let (tag, mut rest) = rest.strip_prefix('<').unwrap().split_once('>').unwrap();
    let (tag, empty) = tag
        .strip_suffix('/')
        .map_or((tag, false), |tag| (tag, true));
    let (name, mut left) = tag.split_once(' ').unwrap_or((tag, ""));
    assert!(
        name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
        "{name}"
    );
    let mut this = Element {
        name: name.to_owned(),
        attributes: Vec::new(),
        children: Vec::new(),
        text: String::new(),
    };
    while !left.is_empty() {
        let (name, after) = left.split_once("=\"").unwrap();
        let (text, after) = after.split_once('"').unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase()), "{name}");
        assert!(!text.contains(['\n', '\t']), "{text}");
        assert!(
            this.attributes.iter().all(|(known, _)| known != name),
            "{name} twice"
        );
        this.attributes.push((name.to_owned(), characters(text)));
        left = after.strip_prefix(' ').unwrap_or(after);
    }
    if empty {
        return (this, rest);
    }
    loop {
        let (text, after) = rest.split_at(rest.find('<').unwrap());
        this.text.push_str(&characters(text));
        if let Some(after) = after.strip_prefix("</") {
            let after = after.strip_prefix(name).unwrap();
            return (this, after.strip_prefix('>').unwrap());
        }
        let (child, after) = element(after);
        this.children.push(child);
        rest = after;
    }
}

/// Text as it is read: characters of XML 1.0, and the entities that it has by itself.
fn characters(text: &str) -> String {
    let mut left = text.to_owned();
    for entity in ["&lt;", "&gt;", "&quot;", "&amp;"] {
        left = left.replace(entity, "");
    }
    assert!(!left.contains(['&', '<', '>']), "{text}");
    let allowed = |c: char| c == '\n' || (!c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    assert!(text.chars().all(allowed), "{text:?}");
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, sign)| {
            text.replace(entity, sign)
        })
}

/// What the stricter schema asks for: names, their order, types.
fn keeps_to_the_schema(suite: &Element) {
    let names: Vec<&str> = suite.attributes.iter().map(|(name, _)| &**name).collect();
    let all = [
        "id",
        "name",
        "package",
        "hostname",
        "tests",
        "failures",
        "errors",
        "time",
        "timestamp",
    ];
    assert_eq!(names, all);
    for name in ["id", "tests", "failures", "errors"] {
        suite.attribute(name).parse::<u32>().unwrap();
    }
    for name in ["name", "package", "hostname"] {
        assert!(!suite.attribute(name).is_empty(), "{name}");
    }
    let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let timestamp: String = suite.attribute("timestamp").chars().map(digits).collect();
    assert_eq!(timestamp, "0000-00-00T00:00:00");
    assert_eq!(
        suite.names(),
        ["properties", "testcase", "system-out", "system-err"]
    );
    for property in &suite.children[0].children {
        assert_eq!(property.name, "property");
        assert!(!property.attribute("name").is_empty());
        property.attribute("value");
    }
    let case = &suite.children[1];
    for element in [suite, case] {
        let time: f64 = element.attribute("time").parse().unwrap();
        assert!(time.is_finite() && time >= 0.0);
    }
    for name in ["name", "classname"] {
        assert!(!case.attribute(name).is_empty(), "{name}");
    }
    let count = |name: &str| {
        case.names()
            .iter()
            .filter(|n| **n == name)
            .count()
            .to_string()
    };
    assert_eq!(suite.attribute("failures"), count("failure"));
    assert_eq!(suite.attribute("errors"), count("error"));
    assert_eq!(suite.attribute("tests"), "1");
    for outcome in &case.children {
        assert!(
            matches!(&*outcome.name, "failure" | "error"),
            "{}",
            outcome.name
        );
        assert!(!outcome.attribute("type").is_empty());
        assert!(outcome.children.is_empty());
    }
}

#[test]
fn every_report_is_a_suite_of_one_test() {
    super::each(Form::Junit, |xml, document| {
        let root = read(xml);
        assert_eq!((&*root.name, root.text.trim()), ("testsuites", ""));
        assert_eq!(root.children.len(), document.reports().len());
        for (suite, report) in root.children.iter().zip(document.reports()) {
            keeps_to_the_schema(suite);
            let case = &suite.children[1];
            assert_eq!(case.attribute("name"), report.target.label());
            let outcome = case.children.first();
            let expected = match report.verdict {
                Verdict::Pass | Verdict::Warn => None,
                Verdict::Fail => Some("failure"),
                Verdict::Indeterminate => Some("error"),
            };
            assert_eq!(outcome.map(|outcome| &*outcome.name), expected);
            if let (Some(outcome), Some(cause)) = (outcome, report.cause) {
                assert_eq!(outcome.attribute("type"), cause.as_str());
                assert_eq!(outcome.attribute("message"), report.summary);
            }
        }
    });
}

#[test]
fn hostile_texts_stay_texts() {
    super::hostile_texts_change_no_part(Form::Junit, |xml| {
        let root = read(xml);
        root.children.iter().for_each(keeps_to_the_schema);
        let mut parts = Vec::new();
        root.parts(0, &mut parts);
        parts
    });
}
