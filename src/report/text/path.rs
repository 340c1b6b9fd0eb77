//! The path, hop by hop: who answered at which distance, where nothing did, and where it breaks.

use super::layout::{GUTTER, Ink, Page, gutter};
use super::table::Table;
use crate::model::finding::{Finding, Id};
use crate::model::observation::Icmp;
use crate::model::report::EndpointReport;
use crate::model::text::escape;
use crate::model::topology::{Hop, Node, Path};
use crate::model::{Ms, Report};

/// A path that is as it should be is drawn whole up to so many hops; of a longer one the ends are shown.
const WHOLE: usize = 9;
/// So many hops at each end are shown of a long path.
const ENDS: usize = 3;

/// Puts a path on the page.
pub(super) fn show(
    page: &mut Page<'_>,
    report: &Report,
    endpoint: &EndpointReport,
    path: &Path,
    whole: bool,
    verbose: bool,
) {
    let mut table = if verbose {
        Table::new(&["", "address", "name", "min", "avg", "max", "answered", ""])
    } else {
        Table::new(&["", "", "", "", "", "", "", ""])
    };
    table.right(&[0, 3, 4, 5, 6]);
    table.beneath(&[2, 7]);
    let mark = mark(report, endpoint, path);
    let mut marked = false;
    for stretch in stretches(path, whole || mark.is_some()) {
        if let Some((after, text)) = &mark
            && !marked
            && stretch.first() > *after
        {
            table.across(Ink::Bad, text);
            marked = true;
        }
        match stretch {
            Stretch::Hop(hop) => {
                for node in hop.nodes.iter().filter(|node| shown(hop, node)) {
                    table.row(Ink::Faint, row(hop.ttl, node, verbose));
                }
            }
            Stretch::Silent(first, last) => table.spread(range(first, last), "*  no answer"),
            Stretch::Left(first, last, slowest) => {
                let most = slowest
                    .map(|ms| format!(", up to {ms}"))
                    .unwrap_or_default();
                let left = u16::from(last - first) + 1;
                table.spread(
                    range(first, last),
                    format!("{left} more{most} (-v shows them)"),
                );
            }
        }
    }
    if let (Some((_, text)), false) = (&mark, marked) {
        table.across(Ink::Bad, text);
    }
    if !path.complete && !path.reached {
        table.across(Ink::Faint, "the trace was not carried to its end");
    }
    let label = if report.endpoints.len() > 1 {
        page.field("path", &format!("to {}", endpoint.endpoint()));
        gutter("")
    } else {
        gutter("path")
    };
    table.show(page, GUTTER, &label);
}

/// A part of the path that is told in one go.
enum Stretch<'a> {
    Hop(&'a Hop),
    /// From one distance to another nothing answered.
    Silent(u8, u8),
    /// From one distance to another all is well, and left out; the slowest of it.
    Left(u8, u8, Option<Ms>),
}

impl Stretch<'_> {
    const fn first(&self) -> u8 {
        match self {
            Self::Hop(hop) => hop.ttl,
            Self::Silent(first, _) | Self::Left(first, ..) => *first,
        }
    }
}

fn stretches(path: &Path, whole: bool) -> Vec<Stretch<'_>> {
    let mut stretches = Vec::new();
    let hops = &path.hops;
    let left = if whole || hops.len() <= WHOLE {
        0..0
    } else {
        ENDS..hops.len() - ENDS
    };
    if let (Some(first), Some(last)) = (hops.get(left.start), hops.get(left.end.saturating_sub(1)))
        && !left.is_empty()
    {
        let between = hops.get(left.clone()).unwrap_or_default();
        let slowest = between
            .iter()
            .flat_map(|hop| &hop.nodes)
            .filter_map(|node| node.avg_ms)
            .max();
        for hop in hops.get(..left.start).unwrap_or_default() {
            push(&mut stretches, hop);
        }
        stretches.push(Stretch::Left(first.ttl, last.ttl, slowest));
    }
    for hop in hops.get(left.end..).unwrap_or_default() {
        push(&mut stretches, hop);
    }
    stretches
}

fn push<'a>(stretches: &mut Vec<Stretch<'a>>, hop: &'a Hop) {
    if hop.nodes.iter().any(|node| node.address.is_some()) {
        stretches.push(Stretch::Hop(hop));
    } else if let Some(Stretch::Silent(_, last)) = stretches.last_mut() {
        *last = hop.ttl;
    } else {
        stretches.push(Stretch::Silent(hop.ttl, hop.ttl));
    }
}

/// Whether a node is shown: silence beside an answer is in the answer's numbers.
fn shown(hop: &Hop, node: &Node) -> bool {
    node.address.is_some() || hop.nodes.len() == 1
}

fn range(first: u8, last: u8) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}–{last}")
    }
}

fn cells(ttl: &str, address: &str, name: &str) -> Vec<String> {
    vec![
        ttl.to_owned(),
        address.to_owned(),
        name.to_owned(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ]
}

fn row(ttl: u8, node: &Node, verbose: bool) -> Vec<String> {
    let time = |ms: Option<Ms>| ms.map(|ms| ms.to_string()).unwrap_or_default();
    let mut cells = cells(
        &ttl.to_string(),
        &node
            .address
            .as_ref()
            .map_or("*".to_owned(), ToString::to_string),
        &node.name.as_deref().map(escape).unwrap_or_default(),
    );
    let (min, avg, max, answered) = if verbose {
        (
            time(node.min_ms),
            time(node.avg_ms),
            time(node.max_ms),
            format!("{}/{}", node.answered, node.sent),
        )
    } else {
        (
            String::new(),
            time(node.avg_ms),
            String::new(),
            String::new(),
        )
    };
    let said = error(node).unwrap_or_default();
    for (at, text) in [(3, min), (4, avg), (5, max), (6, answered), (7, said)] {
        if let Some(cell) = cells.get_mut(at) {
            *cell = text;
        }
    }
    cells
}

/// The ICMP error that a node answered with, where it is another than that the TTL ran out.
fn error(node: &Node) -> Option<String> {
    let icmp = node.icmp?;
    let v6 = node.address.as_ref()?.is_ipv6();
    let expired = matches!((v6, icmp.kind), (false, 11) | (true, 3));
    (!expired).then(|| {
        Icmp {
            kind: icmp.kind,
            code: icmp.code,
            from: node.address.clone(),
            mtu: None,
            quote: None,
        }
        .describe()
    })
}

/// Where the path breaks: after which distance, and what is said there.
fn mark(report: &Report, endpoint: &EndpointReport, path: &Path) -> Option<(u8, String)> {
    let what = match endpoint.port {
        Some(port) => format!("{}/{port}", report.target.protocol.name()),
        None => report.target.protocol.name().to_owned(),
    };
    let about = |finding: &&Finding| {
        finding
            .endpoint
            .as_ref()
            .is_none_or(|place| *place == endpoint.endpoint())
    };
    let cause = report.cause_finding().filter(about);
    let located = cause
        .into_iter()
        .chain(report.findings.iter().filter(about))
        .find_map(|finding| finding.hop.map(|hop| (finding.id, hop)));
    let line = |hop, text: String| Some((hop, format!("╌╌ {text} ╌╌")));
    match located {
        Some((Id::PathLoop, hop)) => line(hop, format!("{what} goes round in a loop from here")),
        Some((Id::PathLoss, hop)) => line(hop, "loss begins here".to_owned()),
        Some((Id::PathLatency, hop)) => line(hop, "the delay begins here".to_owned()),
        Some((Id::PathNoRoute, hop)) => line(hop, format!("{what} ends here: no route")),
        Some((Id::PathHostUnreachable, hop)) => {
            line(hop, format!("{what} ends here: host unreachable"))
        }
        Some((Id::PathProhibited, hop)) => line(hop, format!("{what} is rejected here")),
        Some((_, hop)) if !path.reached => line(hop, format!("{what} ends here")),
        _ if path.reached => None,
        _ => {
            let answered = |hop: &&Hop| hop.nodes.iter().any(|node| node.address.is_some());
            let last = path.hops.iter().rfind(answered).map_or(0, |hop| hop.ttl);
            if last == 0 {
                return None;
            }
            line(last, format!("nothing answers {what} beyond here"))
        }
    }
}
