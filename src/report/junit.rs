//! A report for CI, as JUnit writes it: a test suite of one test case for each target.
//!
//! JUnit has no schema of its own. This is what Ant's task writes and others read: the elements and attributes, and their order, are
//! those that both the schema of Jenkins (`junit-10.xsd`) and the stricter one of Windy Road (`JUnit.xsd`) allow. Times are in seconds.

use super::{Document, Style, Verbosity, lines, text};
use crate::model::report::Verdict;
use crate::model::text::deceives;
use crate::model::{Ms, Report};

/// What a check that could not be told is called where no finding says why.
const UNTOLD: &str = "indeterminate";

/// A document.
pub fn render(document: Document<'_>, style: &Style) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (number, report) in document.reports().iter().enumerate() {
        suite(&mut xml, number, report, style);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn suite(xml: &mut String, number: usize, report: &Report, style: &Style) {
    let (failures, errors) = match report.verdict {
        Verdict::Pass | Verdict::Warn => (0, 0),
        Verdict::Fail => (1, 0),
        Verdict::Indeterminate => (0, 1),
    };
    let command = report.target.protocol.command();
    let label = report.target.label();
    let time = seconds(report.duration_ms);
    // The stricter schema has times without a zone: this is UTC.
    let began = report.started_at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let host = report.source.host.as_deref().unwrap_or("localhost");
    open(
        xml,
        "  <testsuite",
        &[
            ("id", &number.to_string()),
            ("name", &format!("nwcheck {command} {label}")),
            ("package", "nwcheck"),
            ("hostname", host),
            ("tests", "1"),
            ("failures", &failures.to_string()),
            ("errors", &errors.to_string()),
            ("time", &time),
            ("timestamp", &began),
        ],
        ">",
    );
    xml.push_str("    <properties>\n");
    for (name, value) in properties(report) {
        open(
            xml,
            "      <property",
            &[("name", &name), ("value", &value)],
            "/>",
        );
    }
    xml.push_str("    </properties>\n");
    open(
        xml,
        "    <testcase",
        &[
            ("name", &label),
            ("classname", &format!("nwcheck.{command}")),
            ("time", &time),
        ],
        ">",
    );
    let element = match report.verdict {
        Verdict::Pass | Verdict::Warn => None,
        Verdict::Fail => Some("failure"),
        Verdict::Indeterminate => Some("error"),
    };
    if let Some(element) = element {
        outcome(xml, element, report);
    }
    xml.push_str("    </testcase>\n");
    // The schemas want both, in this order.
    let out = if style.verbosity == Verbosity::Quiet {
        String::new()
    } else {
        let style = Style {
            colour: false,
            ..*style
        };
        text::render(report, &style)
    };
    xml.push_str(&format!(
        "    <system-out>{}</system-out>\n    <system-err></system-err>\n  </testsuite>\n",
        content(&out)
    ));
}

/// Why it failed, or could not be told.
fn outcome(xml: &mut String, element: &str, report: &Report) {
    let reason = lines::reason(report);
    let kind = reason.map_or(UNTOLD, |finding| finding.id.as_str());
    let mut told = vec![report.summary.clone()];
    told.extend(reason.into_iter().flat_map(lines::of));
    for finding in &report.findings {
        if !reason.is_some_and(|reason| std::ptr::eq(reason, finding)) {
            told.push(format!("Also {}: {}", finding.id, finding.title));
        }
    }
    let told: Vec<String> = told.iter().map(|line| value(line)).collect();
    xml.push_str(&format!(
        "      <{element} type=\"{}\" message=\"{}\">{}</{element}>\n",
        value(kind),
        value(&report.summary),
        told.join("\n")
    ));
}

/// What a reader may want to count or filter by.
fn properties(report: &Report) -> Vec<(String, String)> {
    let tool = format!("{} {}", report.tool.name, report.tool.version);
    let cause = report.cause.map_or("", |id| id.as_str());
    let mut all: Vec<(String, String)> = [
        ("tool", tool.as_str()),
        ("verdict", report.verdict.as_str()),
        ("status", report.status.as_str()),
        ("cause", cause),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.extend(report.findings.iter().map(|finding| {
        let name = format!("finding.{}", finding.id);
        (name, finding.title.clone())
    }));
    for criterion in &report.criteria {
        let met = match criterion.met {
            Some(true) => "met",
            Some(false) => "not met",
            None => "could not be told",
        };
        let demanded = text::measurements::demanded(criterion);
        let measured = criterion.measured.as_ref();
        let measured = measured.map_or_else(String::new, |value| {
            let value = text::measurements::quantity(&criterion.name, value);
            format!(" ({value})")
        });
        let name = format!("criterion.{}", criterion.name);
        all.push((name, format!("{met}: {demanded}{measured}")));
    }
    all
}

/// A tag with its attributes, on a line of its own.
fn open(xml: &mut String, tag: &str, attributes: &[(&str, &str)], end: &str) {
    xml.push_str(tag);
    for (name, text) in attributes {
        xml.push_str(&format!(" {name}=\"{}\"", value(text)));
    }
    xml.push_str(end);
    xml.push('\n');
}

/// Whole milliseconds are what readers expect; they stand as seconds.
fn seconds(ms: Ms) -> String {
    format!("{:.3}", ms.as_f64() / 1000.0)
}

/// Lines as the content of an element.
fn content(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(value).collect();
    lines.join("\n")
}

/// Text on one line, as the value of an attribute or as content: what would be markup is an entity, and what deceives a reader, or is no
/// character of XML 1.0 at all (section 2.2), is written out.
fn value(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c if deceives(c) => safe.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::report::text::tests::compare_file;
    use crate::report::{Document, Style, Verbosity, fixtures};

    #[test]
    fn junit_is_what_was_looked_at() {
        let style = Style::default();
        for (name, report) in fixtures::all() {
            let xml = render(Document::Report(&report), &style);
            compare_file(&format!("{name}.junit.xml"), &xml);
        }
        let batch = fixtures::batch();
        let quiet = Style {
            verbosity: Verbosity::Quiet,
            ..style
        };
        let xml = render(Document::Batch(&batch), &quiet);
        compare_file("batch.quiet.junit.xml", &xml);
    }

    #[test]
    fn colour_never_gets_into_it() {
        let style = Style {
            colour: true,
            ..Style::default()
        };
        for (name, report) in fixtures::all() {
            let xml = render(Document::Report(&report), &style);
            assert!(!xml.contains(['\u{1b}', '\0']), "{name}");
        }
    }
}
