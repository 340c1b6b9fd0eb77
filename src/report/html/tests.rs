//! The page read back by a reader that takes less than a browser does, its policy and its colours computed anew.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;

use super::sha256::{base64, digest};
use super::strict::{self, Page};
use super::{SCRIPT, SCRIPT_DIGEST, STYLE, STYLE_DIGEST, render};
use crate::model::criteria::{Criterion, Quantity};
use crate::model::finding::{Finding, Id, Severity};
use crate::model::report::EndpointReport;
use crate::model::saved::{self, Saved};
use crate::model::statistics::Probes;
use crate::model::{Ms, Observation, Operation, Outcome, Report};
use crate::report::graph::samples;
use crate::report::redact::redact;
use crate::report::text::tests::compare_file;
use crate::report::{Document, fixtures};

/// A page that the strict reader takes.
#[track_caller]
fn page(name: &str, document: Document<'_>) -> (String, Page) {
    let html = render(document).unwrap();
    match strict::read(&html) {
        Ok(page) => (html, page),
        Err(error) => panic!("{name}: {error}\n{html}"),
    }
}

#[test]
fn the_policy_names_the_style_and_the_script_that_are_there() {
    for (content, known) in [(STYLE, STYLE_DIGEST), (SCRIPT, SCRIPT_DIGEST)] {
        let now = format!("sha256-{}", base64(&digest(content.as_bytes())));
        assert_eq!(
            now, known,
            "put the digest of today into src/report/html.rs"
        );
        assert!(
            !content.contains('\r'),
            "a browser hashes what it read: lines that end in \\n"
        );
    }
    let (html, page) = page("healthy", Document::Report(&fixtures::all()[0].1));
    let raw: Vec<(&str, &str)> = page.raw.iter().map(|(k, c)| (&**k, &**c)).collect();
    let json = raw[1].1;
    assert_eq!(
        raw,
        [
            ("style", STYLE),
            ("application/json", json),
            ("script", SCRIPT)
        ]
    );
    let policy = "content=\"default-src &#39;none&#39;; style-src &#39;sha256-";
    assert_eq!(html.matches(policy).count(), 1);
    for loose in ["unsafe", "*;", "data:", "http:", "https:"] {
        let head = html.split_once("<style>").unwrap().0;
        assert!(!head.contains(loose), "{loose}");
    }
}

#[test]
fn every_page_is_read_by_the_strictest_reader() {
    for (name, report) in fixtures::all() {
        let (html, page) = page(name, Document::Report(&report));
        assert!(
            page.text
                .contains(&report.summary.replace('\u{202e}', "\\u{202e}")),
            "{name}"
        );
        for finding in &report.findings {
            assert!(
                page.text.contains(&finding.title),
                "{name}: {}",
                finding.title
            );
        }
        for command in report
            .findings
            .iter()
            .flat_map(|f| &f.actions)
            .filter_map(|a| a.command.as_ref())
        {
            // Whole, and in one piece.
            assert!(
                page.text.lines().any(|line| line == command),
                "{name}: {command}"
            );
        }
        assert!(html.len() < 100_000, "{name}: {}", html.len());
    }
    for (name, path) in samples::all() {
        page(name, Document::Report(&samples::report(&path)));
    }
    let batch = fixtures::batch();
    let (_, page) = page("batch", Document::Batch(&batch));
    for report in &batch.reports {
        assert!(page.text.contains(&report.target.label()));
    }
}

#[test]
fn pages_are_what_was_looked_at() {
    let all: BTreeMap<&str, Report> = fixtures::all().into_iter().collect();
    for name in ["path-prohibited", "hostile"] {
        let html = render(Document::Report(&all[name])).unwrap();
        // The style and the script are files of their own.
        let html = [STYLE, SCRIPT, STYLE_DIGEST, SCRIPT_DIGEST]
            .iter()
            .fold(html, |html, own| html.replace(own, "…"));
        compare_file(&format!("{name}.html"), &html);
    }
}

#[test]
fn the_json_comes_out_as_it_went_in() {
    let mut reports: Vec<Report> = fixtures::all()
        .into_iter()
        .map(|(_, report)| report)
        .collect();
    let evil = "</script><!--<script>\u{2028}\u{202e}\u{e0001}&amp;\u{7f}";
    evil.clone_into(&mut reports[0].summary);
    for report in &reports {
        let html = render(Document::Report(report)).unwrap();
        let read = saved::read(&html).unwrap();
        assert_eq!(read, [Saved::Report(Box::new(report.clone()))]);
        // As a program that reads lines takes it out.
        let lines = html
            .lines()
            .skip_while(|line| !line.starts_with("<script type=\"application/json\""));
        let json: Vec<&str> = lines
            .skip(1)
            .take_while(|line| !line.starts_with("</script>"))
            .collect();
        let read: Report = serde_json::from_str(&json.concat()).unwrap();
        assert_eq!(read, *report);
    }
    let batch = fixtures::batch();
    let html = render(Document::Batch(&batch)).unwrap();
    assert_eq!(saved::read(&html).unwrap(), [Saved::Batch(batch)]);
}

/// A probe of a burst.
fn probe(at: u64, outcome: Outcome, rtt: Option<u64>, again: u32) -> Observation {
    Observation {
        rtt_ms: rtt.map(Ms::from_micros),
        source_port: Some(40_000),
        retransmits: Some(again),
        ..Observation::new(Operation::Connect, Ms::from_millis(at), outcome)
    }
}

#[test]
fn each_probe_is_drawn_once_by_what_became_of_it() {
    let burst = [
        probe(0, Outcome::Ok, Some(4900), 0),
        probe(20, Outcome::Ok, Some(5100), 1),
        probe(40, Outcome::Refused, Some(800), 0),
        probe(60, Outcome::Timeout, None, 3),
        probe(80, Outcome::HostUnreachable, None, 0),
        probe(100, Outcome::Ok, Some(4400), 0),
    ];
    let mut report = fixtures::all()[0].1.clone();
    report.endpoints[0].probes = Probes::count(&burst);
    let (html, page) = page("all kinds", Document::Report(&report));
    let drawn = |class: &str| {
        let chart = html
            .split_once("class=\"chart\"")
            .unwrap()
            .1
            .split_once("</svg>")
            .unwrap()
            .0;
        chart.matches(&format!("class=\"mark {class}\"")).count()
    };
    assert_eq!(
        ["ok", "again", "refused", "lost", "error"].map(drawn),
        [2, 1, 1, 1, 1]
    );
    for told in [
        "2 answered",
        "1 answered, sent again before",
        "1 refused",
        "1 not answered",
        "round trip (ms)",
        "no time",
    ] {
        assert!(
            page.text.lines().any(|line| line == told),
            "{told}\n{}",
            page.text
        );
    }
    assert!(
        page.text
            .contains("probe 4, sent after 60.0 ms from port 40000: not answered, sent 4 times")
    );
    // Many of them are drawn, too, as one shape for each kind.
    let many: Vec<Observation> = (0..10_000)
        .map(|n| {
            probe(
                n,
                if n % 3 == 0 {
                    Outcome::Timeout
                } else {
                    Outcome::Ok
                },
                (n % 3 != 0).then_some(4000 + n),
                0,
            )
        })
        .collect();
    report.endpoints[0].probes = Probes::count(&many);
    let html = render(Document::Report(&report)).unwrap();
    strict::read(&html).unwrap();
    assert_eq!(html.matches("class=\"mark lost\"").count(), 2);
}

#[test]
fn nothing_of_a_chart_stands_outside_of_it_and_no_label_on_another() {
    let mut report = fixtures::all()[0].1.clone();
    let bursts: [(u64, u64, u64); 7] = [
        // How many, the first round trip in microseconds, and how much longer each is than the one before.
        (1, 1, 0),
        (2, 40, 3),
        (10, 4000, 100),
        (11, 250_000, 1),
        (100, 900, 35_000),
        (300, 12_345, 17),
        (10_000, 3_000, 1),
    ];
    for (number, first, more) in bursts {
        for every in [2, 3, u64::MAX] {
            let lost = |n: u64| n % every == every - 1 || every == 2;
            let burst: Vec<Observation> = (0..number)
                .map(|n| {
                    if lost(n) {
                        probe(n, Outcome::Timeout, None, 0)
                    } else {
                        probe(n, Outcome::Ok, Some(first + more * n), 0)
                    }
                })
                .collect();
            report.endpoints[0].probes = Probes::count(&burst);
            let html = render(Document::Report(&report)).unwrap();
            let chart = html.split_once("viewBox=\"0 0 760 244\"").unwrap().1;
            let chart = chart.split_once("</svg>").unwrap().0;
            let labels = labels(chart);
            let what = format!("{number} from {first} by {more}, {every}: {labels:?}");
            assert!((3..20).contains(&labels.len()), "{what}");
            for (at, one) in labels.iter().enumerate() {
                assert!(one[0] >= 0.0 && one[1] <= 760.0, "{what}");
                assert!(one[2] >= 0.0 && one[3] <= 244.0, "{what}");
                for other in &labels[at + 1..] {
                    let beside = one[1] <= other[0] || other[1] <= one[0];
                    let apart = one[3] <= other[2] || other[3] <= one[2];
                    assert!(beside || apart, "{one:?} {other:?} {what}");
                }
            }
            let marks = chart.split("class=\"mark").skip(1);
            let mut drawn = 0;
            for place in marks.flat_map(|mark| {
                mark.split_once("d=\"")
                    .unwrap()
                    .1
                    .split_once('"')
                    .unwrap()
                    .0
                    .split('M')
                    .skip(1)
            }) {
                drawn += 1;
                let (x, rest) = place.split_once(' ').unwrap();
                let end = rest
                    .find(|c: char| !c.is_ascii_digit() && c != '.')
                    .unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), rest[..end].parse().unwrap());
                assert!(
                    (67.0..=753.0).contains(&x) && (5.0..=205.0).contains(&y),
                    "{place} {what}"
                );
            }
            assert!(drawn >= number, "{drawn} {what}");
        }
    }
}

/// Where each label of a chart is, in letters of a typewriter: left, right, top, bottom.
fn labels(chart: &str) -> Vec<[f64; 4]> {
    let texts = chart.split("<text class=\"axis\"").skip(1);
    let texts = texts.map(|text| text.split_once("</text>").unwrap().0);
    texts
        .map(|text| {
            let (tag, said) = text.split_once('>').unwrap();
            let number = |name: &str| -> f64 {
                let after = tag.split_once(&format!(" {name}=\"")).unwrap().1;
                after.split_once('"').unwrap().0.parse().unwrap()
            };
            let (x, y) = (number("x"), number("y"));
            let width = said.chars().count() as f64 * 7.3;
            if tag.contains("rotate(-90") {
                return [x - 10.0, x + 3.0, y - width / 2.0, y + width / 2.0];
            }
            let left = if tag.contains("\"end\"") {
                x - width
            } else {
                x - width / 2.0
            };
            [left, left + width, y - 10.0, y + 3.0]
        })
        .collect()
}

#[test]
fn where_it_breaks_is_said_and_drawn() {
    let all: BTreeMap<&str, Report> = fixtures::all().into_iter().collect();
    let report = &all["path-prohibited"];
    let (html, _) = page("path-prohibited", Document::Report(report));
    assert!(html.contains("<p class=\"broken\">At hop "), "{html}");
    let picture = html.split_once("class=\"topology\"").unwrap().1;
    assert!(
        picture.contains("class=\"broken\" href=\"#e1-v2\"><title>hop 3"),
        "{picture}"
    );
    assert!(picture.contains("<tr id=\"e1-v"), "{picture}");
    assert!(picture.contains("class=\"bad\""), "{picture}");
}

#[test]
fn a_long_check_stays_below_a_megabyte() {
    let mut report = fixtures::all()[0].1.clone();
    let ids: Vec<String> = (1..=60).map(|ttl| format!("{ttl}.1")).collect();
    let flow = format!("{}!", ids.join(" "));
    let path = samples::flows(&[flow.as_str()]).path;
    let burst: Vec<Observation> = (0..10)
        .map(|n| probe(n * 20, Outcome::Ok, Some(4000 + n), 0))
        .collect();
    report.endpoints = (1..=8)
        .map(|n| EndpointReport {
            address: format!("2001:db8:1234:5678:9abc:def0:1234:{n}")
                .parse()
                .unwrap(),
            port: Some(443),
            probes: Probes::count(&burst),
            path: Some(path.clone()),
            ..report.endpoints[0].clone()
        })
        .collect();
    // An attempt for each hop and address, and each burst: near hops are asked once for all.
    let one = report.observations[0].clone();
    report.observations = vec![one; 60 * 8 + 8 * 10];
    let (html, _) = page("long", Document::Report(&report));
    assert!(html.len() < 1_000_000, "{}", html.len());
}

#[test]
fn what_is_hostile_stays_text() {
    let evil = [
        "</script></style></title></svg></table><script>alert(1)</script><img src=x onerror=alert(1)>",
        "\" onmouseover=\"alert(1)\" x='",
        "<!-- --> ]]> &lt; &#60; https://evil.example/",
        "\u{202e}\u{200b}\u{1b}[2J\u{2028}\u{0}\u{ffff}\u{fdd0}",
        "שרת.example",
        "a\nb",
    ];
    let plain = elements(&poisoned("harmless"));
    for evil in evil {
        let report = poisoned(evil);
        assert_eq!(elements(&report), plain, "{evil}");
        let (html, page) = page(evil, Document::Report(&report));
        assert!(!page.text.contains('\u{202e}'));
        let runs_left = evil.chars().any(|c| ('\u{590}'..='\u{5ff}').contains(&c));
        assert!(
            !runs_left || html.contains(&format!("<bdi>{evil}</bdi>")),
            "{html}"
        );
    }
}

#[test]
fn what_is_redacted_is_nowhere_in_the_page() {
    for (name, mut report) in fixtures::all() {
        let originals = [
            report.target.host.clone(),
            report.source.host.clone().unwrap(),
            "corp.example".to_owned(),
            "10.1.2.".to_owned(),
        ];
        redact(&mut report, &RandomState::new()).unwrap();
        let (html, page) = page(name, Document::Report(&report));
        for original in originals {
            assert!(!stands_in(&original, &html), "{name}: {original}");
        }
        assert!(page.text.contains("Names and addresses are replaced"));
    }
}

/// Whether a name, an address or the beginning of one stands in a text: that of 192.0.2.7 in 192.0.2.70 is another's.
fn stands_in(original: &str, text: &str) -> bool {
    let ends_in_digit = original.ends_with(|c: char| c.is_ascii_digit());
    text.match_indices(original).any(|(at, _)| {
        let after = &text[at + original.len()..];
        !(ends_in_digit && after.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// The elements of a page, but for what sets names apart and for the lines of a picture, of which a long text has more.
fn elements(report: &Report) -> Vec<String> {
    let (_, page) = page("poisoned", Document::Report(report));
    let names = page.elements.into_iter().map(|(name, _)| name);
    names
        .filter(|name| !["bdi", "text"].contains(&name.as_str()))
        .collect()
}

/// A report each of whose texts is this one.
fn poisoned(text: &str) -> Report {
    let all: BTreeMap<&str, Report> = fixtures::all().into_iter().collect();
    let mut report = all["path-prohibited"].clone();
    let said = || text.to_owned();
    report.summary = said();
    report.tool.version = said();
    report.target.host = said();
    report.target.uri = Some(said());
    report.source.host = Some(said());
    report.source.os = Some(said());
    report.source.interface = Some(said());
    report.criteria = vec![Criterion {
        name: said(),
        limit: Quantity::Word(said()),
        measured: Some(Quantity::Word(said())),
        met: Some(false),
    }];
    report.findings = vec![
        Finding::new(Id::PathProhibited, Severity::Error, said())
            .explained(format!("{text} explained"))
            .fact(said(), [1, 2, 3])
            .command(said(), said()),
    ];
    for name in report.names.values_mut() {
        text.clone_into(name);
    }
    for missing in &mut report.not_measured {
        missing.what = said();
        missing.command = Some(said());
    }
    for endpoint in &mut report.endpoints {
        let hops = endpoint.path.iter_mut().flat_map(|path| &mut path.hops);
        for node in hops.flat_map(|hop| &mut hop.nodes) {
            node.name = node.address.is_some().then(said);
        }
    }
    for observation in &mut report.observations {
        observation.errno = Some(said());
    }
    report
}

/// The lists of colours in the style: of a light page, and of a dark one.
fn colours() -> [BTreeMap<&'static str, [f64; 3]>; 2] {
    let mut lists = STYLE.split(":root {").skip(1).map(|list| {
        let lines = list.split_once('}').unwrap().0.lines();
        lines
            .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"))
            .map(|(name, hex)| {
                let bits = u32::from_str_radix(hex.trim_end_matches(';'), 16).unwrap();
                let part = |shift: u32| f64::from(bits >> shift & 255) / 255.0;
                (name, [part(16), part(8), part(0)])
            })
            .collect()
    });
    let both = [lists.next().unwrap(), lists.next().unwrap()];
    assert!(lists.next().is_none());
    both
}

/// The contrast of two colours (WCAG 2.2, "contrast ratio" and "relative luminance").
fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let luminance = |colour: [f64; 3]| {
        let [r, g, b] = colour.map(|part| {
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_pair_of_colours_can_be_read_in_light_and_in_dark() {
    /// What text may stand on, what it may be written in, and what lines may be drawn in.
    const GROUNDS: &[&str] = &["paper", "panel"];
    const INKS: &[&str] = &["ink", "faint", "good", "warn", "bad", "link"];
    const LINES: &[&str] = &["line"];
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    for list in colours() {
        let names: BTreeSet<&str> = list.keys().copied().collect();
        let known = [GROUNDS, INKS, LINES].concat();
        assert_eq!(names, known.into_iter().collect());
        for ground in GROUNDS {
            for ink in INKS {
                let ratio = contrast(list[ground], list[ink]);
                assert!(ratio >= 4.5, "{ink} on {ground}: {ratio:.2}");
            }
            for line in LINES {
                let ratio = contrast(list[ground], list[line]);
                assert!(ratio >= 3.0, "{line} on {ground}: {ratio:.2}");
            }
        }
    }
    // No colour is used but from the lists, and each for what it is.
    let rules: Vec<&str> = STYLE
        .lines()
        .filter(|line| !line.trim().starts_with("--"))
        .collect();
    let mut used = 0;
    for line in rules {
        assert!(
            !line.contains("rgb") && !line.contains("hsl") && !line.contains("opacity"),
            "{line}"
        );
        assert!(!line.contains(": #"), "{line}");
        for (property, name) in declared(line) {
            used += 1;
            let allowed: &[&[&str]] = match property {
                "color" => &[INKS],
                "background" => &[GROUNDS],
                "border" | "border-top" | "border-left" | "border-bottom" | "border-left-color"
                | "stroke" | "outline" => &[INKS, LINES],
                "fill" => &[INKS, LINES, GROUNDS],
                other => panic!("{other} has a colour: {line}"),
            };
            assert!(
                allowed.concat().contains(&name),
                "{property} of {name}: {line}"
            );
        }
    }
    assert!(used > 30);
}

/// What has a colour in a line of the style: the property, and the name of the colour.
fn declared(line: &str) -> Vec<(&str, &str)> {
    let declarations = line.split(['{', ';', '}']);
    declarations
        .filter_map(|one| {
            let (property, value) = one.split_once(':')?;
            let name = value.split_once("var(--")?.1.split_once(')')?.0;
            Some((property.trim(), name))
        })
        .collect()
}

#[test]
fn the_style_and_the_script_ask_for_nothing() {
    for text in [STYLE, SCRIPT] {
        for word in [
            "url(",
            "@import",
            "@font-face",
            "http",
            "//www",
            "eval",
            "Function(",
            "innerHTML",
            "fetch",
            "XMLHttp",
            "import(",
            "document.write",
            ".style",
        ] {
            assert!(!text.contains(word), "{word}");
        }
    }
}
