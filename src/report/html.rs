//! The report as one HTML file that stands for itself: to be attached to a ticket, opened years later, printed, read by a screen reader.
//!
//! No request leaves it: there is no font, image, style or script that is not in the file, and a Content-Security-Policy forbids what
//! somebody might smuggle in (`default-src 'none'`; the one style sheet and the one script are allowed by their SHA-256 digests,
//! <https://www.w3.org/TR/CSP3/#external-hash>). So there are no attributes of style and none of events. All that it tells is there
//! without the script, which only sorts, zooms, shows the numbers of a hop and saves the JSON, which is in the file whole.

mod addresses;
mod chart;
mod circumstances;
mod findings;
mod markup;
mod path;
#[cfg(test)]
mod sha256;
#[cfg(test)]
mod strict;
mod table;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::Document;
use super::svg::noncharacter;
use super::text::{cut_short, sign, tally};
use crate::model::Report;
use crate::model::report::{Batch, Tool, Verdict};
use crate::model::saved::EMBEDDED;
use crate::model::text::deceives;
use addresses::status;
use circumstances::terms;
use findings::sign_and_words;
use markup::Markup;
use table::{Cell, Row};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// The digests of the two, which a test computes anew.
const STYLE_DIGEST: &str = "sha256-tSE+w1FYbN6+EsM28m2z1eTq/ifOSsNxdwVUBsZUGUk=";
const SCRIPT_DIGEST: &str = "sha256-RcOoS5Ab8n/HYbPa25+oXZ9+2VbHDJgOx9tJNGzrGQM=";

/// The file of a document.
///
/// # Errors
/// A number that JSON has no form for, such as an infinite one: a fault of the program.
pub fn render(document: Document<'_>) -> serde_json::Result<String> {
    let json = match document {
        Document::Report(report) => embedded(report)?,
        Document::Batch(batch) => embedded(batch)?,
    };
    let mut markup = Markup::begun("<!DOCTYPE html>\n");
    markup.element("html", &[("lang", "en"), ("dir", "ltr")], |m| {
        head(m, document);
        m.element("body", &[], |m| match document {
            Document::Report(report) => alone(m, report, &json),
            Document::Batch(batch) => several(m, batch, &json),
        });
    });
    let mut text = markup.finish();
    text.push('\n');
    Ok(text)
}

fn head(markup: &mut Markup, document: Document<'_>) {
    let title = match document {
        Document::Report(report) => {
            let (_, _, words) = verdict(report.verdict);
            format!("{}: {words} (nwcheck)", report.target.label())
        }
        Document::Batch(batch) => format!("{} (nwcheck)", tally(batch)),
    };
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_DIGEST}'; script-src '{SCRIPT_DIGEST}'; base-uri 'none'; form-action 'none'"
    );
    markup.element("head", &[], |m| {
        m.empty("meta", &[("charset", "utf-8")]);
        let policy = [
            ("http-equiv", "Content-Security-Policy"),
            ("content", &policy),
        ];
        m.empty("meta", &policy);
        m.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
        let view = "width=device-width, initial-scale=1";
        m.empty("meta", &[("name", "viewport"), ("content", view)]);
        m.empty(
            "meta",
            &[("name", "color-scheme"), ("content", "light dark")],
        );
        m.says_plainly("title", &[], &title);
        m.element("style", &[], |m| m.raw(STYLE));
    });
}

/// One report: the page is about it.
fn alone(markup: &mut Markup, report: &Report, json: &str) {
    let place = Place {
        report,
        prefix: String::new(),
        level: 1,
    };
    markup.element("header", &[], |m| {
        headline(m, &place);
        contents(m, &place.contents());
    });
    markup.element("main", &[], |m| place.body(m));
    closing(markup, &report.tool, json);
}

/// Several: a table of them, then each.
fn several(markup: &mut Markup, batch: &Batch, json: &str) {
    let places: Vec<Place<'_>> = (1..)
        .zip(&batch.reports)
        .map(|(number, report)| Place {
            report,
            prefix: format!("r{number}-"),
            level: 2,
        })
        .collect();
    markup.element("header", &[], |m| {
        m.says("h1", &[], &tally(batch));
        terms(
            m,
            &[
                ("began", batch.started_at.to_string()),
                ("took", batch.duration_ms.to_string()),
                ("exit status", batch.exit_status.to_string()),
            ],
        );
        let all = places.iter();
        let all = all.map(|place| (place.id("report"), place.report.target.label()));
        contents(m, &all.collect::<Vec<_>>());
    });
    markup.element("main", &[], |m| {
        let rows: Vec<Row> = batch.reports.iter().map(line).collect();
        let columns = [
            "target", "verdict", "status", "probes", "ok", "average", "cause", "summary",
        ];
        table::put(m, "targets", "The targets", &columns, &rows);
        for place in &places {
            let (whole, name) = (place.id("report"), place.id("target"));
            let section = [
                ("class", "report"),
                ("id", whole.as_str()),
                ("aria-labelledby", &name),
            ];
            m.element("section", &section, |m| {
                headline(m, place);
                place.body(m);
            });
        }
    });
    closing(markup, &batch.tool, json);
}

/// A target in the table of all.
fn line(report: &Report) -> Row {
    let sum = |of: fn(&crate::model::statistics::Probes) -> u32| {
        let all = report.endpoints.iter();
        all.fold(0_u32, |sum, endpoint| {
            sum.saturating_add(of(&endpoint.probes))
        })
    };
    let (_, sign, words) = verdict(report.verdict);
    let mut averages = report
        .endpoints
        .iter()
        .map(|endpoint| endpoint.probes.avg_ms);
    Row {
        class: match report.verdict {
            Verdict::Pass | Verdict::Indeterminate => "",
            Verdict::Warn => "poor",
            Verdict::Fail => "bad",
        },
        ..Row::of(vec![
            Cell::name(report.target.label()),
            Cell::text(format!("{sign} {words}")),
            Cell::text(status(report.status)),
            Cell::count(sum(|probes| probes.sent)),
            Cell::count(sum(|probes| probes.ok)),
            Cell::time(averages.find_map(|average| average)),
            Cell::text(report.cause.map(|id| id.to_string()).unwrap_or_default()),
            Cell::text(report.summary.clone()),
        ])
    }
}

/// A report in the page, and where its parts stand.
struct Place<'r> {
    report: &'r Report,
    /// What its ids begin with.
    prefix: String,
    /// The level of its heading.
    level: usize,
}

impl Place<'_> {
    /// An id within it.
    fn id(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The heading so far below its own.
    fn heading(&self, below: usize) -> &'static str {
        match self.level + below {
            0 | 1 => "h1",
            2 => "h2",
            3 => "h3",
            4 => "h4",
            _ => "h5",
        }
    }

    /// A part of it, with its heading.
    fn section(
        &self,
        markup: &mut Markup,
        id: &str,
        title: &str,
        content: impl FnOnce(&mut Markup),
    ) {
        let (id, name) = (self.id(id), self.id(&format!("{id}-title")));
        let section = [("id", id.as_str()), ("aria-labelledby", &name)];
        markup.element("section", &section, |m| {
            m.says(self.heading(1), &[("id", &name)], title);
            content(m);
        });
    }

    /// Its parts: the id and the title of each that is there.
    fn contents(&self) -> Vec<(String, String)> {
        let report = self.report;
        let named = report.resolution.as_ref().is_some_and(circumstances::told);
        [
            ("findings", "Findings", true),
            ("criteria", "Criteria", !report.criteria.is_empty()),
            (
                "addresses",
                "Addresses and latency",
                !report.endpoints.is_empty(),
            ),
            ("name", "Name resolution", named),
            ("missing", "Not measured", !report.not_measured.is_empty()),
            ("machine", "This machine", true),
        ]
        .into_iter()
        .filter(|(.., there)| *there)
        .map(|(id, title, _)| (self.id(id), title.to_owned()))
        .chain([("json".to_owned(), "The JSON".to_owned())])
        .collect()
    }

    fn body(&self, markup: &mut Markup) {
        findings::put(markup, self);
        findings::criteria(markup, self);
        addresses::put(markup, self);
        circumstances::resolution(markup, self);
        circumstances::not_measured(markup, self);
        circumstances::machine(markup, self);
    }
}

/// The class, the sign and the words of a verdict.
const fn verdict(verdict: Verdict) -> (&'static str, &'static str, &'static str) {
    let (sign, _) = sign(verdict, false);
    match verdict {
        Verdict::Pass => ("verdict pass", sign, "passed"),
        Verdict::Warn => ("verdict warn", sign, "passed, with a warning"),
        Verdict::Fail => ("verdict fail", sign, "failed"),
        Verdict::Indeterminate => ("verdict warn", sign, "could not be told"),
    }
}

fn headline(markup: &mut Markup, place: &Place<'_>) {
    let report = place.report;
    let (class, sign, words) = verdict(report.verdict);
    markup.element(place.heading(0), &[("id", &place.id("target"))], |m| {
        m.name(&report.target.label());
    });
    markup.element("p", &[("class", class)], |m| sign_and_words(m, sign, words));
    markup.says("p", &[("class", "summary")], &report.summary);
    if report.redacted {
        let told = "Names and addresses are replaced; what was equal still is.";
        markup.says("p", &[], told);
    }
    if let Some(why) = cut_short(report) {
        markup.says("p", &[("class", "broken")], &format!("Cut short: {why}."));
    }
    terms(
        markup,
        &[
            ("checked", report.target.protocol.name().to_owned()),
            ("began", report.started_at.to_string()),
            ("took", report.duration_ms.to_string()),
            (
                "from",
                [
                    report.source.host.clone(),
                    report.source.address.as_ref().map(ToString::to_string),
                ]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
            ),
            ("exit status", report.exit_status.to_string()),
        ],
    );
}

/// What there is to be found in the page.
fn contents(markup: &mut Markup, parts: &[(String, String)]) {
    markup.element("nav", &[("aria-label", "Contents")], |m| {
        m.element("ul", &[], |m| {
            for (id, title) in parts {
                m.element("li", &[], |m| {
                    m.says("a", &[("href", &format!("#{id}"))], title);
                });
            }
        });
    });
}

/// The JSON, and who made it.
fn closing(markup: &mut Markup, tool: &Tool, json: &str) {
    let section = [("id", "json"), ("aria-labelledby", "json-title")];
    markup.element("footer", &[], |m| {
        m.element("section", &section, |m| {
            m.says("h2", &[("id", "json-title")], "The JSON");
            m.element("p", &[("id", "json-how")], |m| {
                m.text("All that was measured is in this file as JSON. ");
                m.says("code", &[], "nwcheck show FILE -o json");
                m.text(" takes it out again, with FILE this file; without nwcheck:");
            });
            m.command("sed -n '/^<script type=\"application\\/json\"/,/^<\\/script>/{//!p;}' FILE");
            // On lines of its own, so that it can be taken out by any program that reads lines.
            m.raw(EMBEDDED);
            m.raw("\n");
            m.raw(json);
            m.raw("\n</script>\n");
        });
        m.says(
            "p",
            &[],
            &format!("Made by {} {}.", tool.name, tool.version),
        );
    });
    markup.element("script", &[], |m| m.raw(SCRIPT));
}

/// JSON that may stand in a `script` element: nothing in it ends the element or begins a comment (HTML Standard, section 4.12.1.3,
/// "Restrictions for contents of script elements"), and nothing in it can't be seen. It is the same JSON: only what stands in its texts
/// is written another way (RFC 8259, section 7).
fn embedded(value: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '<' | '>' | '&') || deceives(c) || noncharacter(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    Ok(safe)
}
