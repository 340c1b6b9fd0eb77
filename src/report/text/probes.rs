//! The burst of probes to each address, counted and timed.

use super::layout::{GUTTER, Ink, Page, gutter};
use super::measurements::percent;
use super::table::Table;
use crate::model::outcome::Outcome;
use crate::model::report::{EndpointReport, Status};
use crate::model::speech::{Banner, Speech};
use crate::model::statistics::Probes;
use crate::model::target::Protocol;
use crate::model::text::{count, escape};
use crate::model::{Ms, Report};

/// The burst of probes to each address.
pub(super) fn show(page: &mut Page<'_>, report: &Report, verbose: bool) {
    // The paths alone were asked for.
    if report.target.protocol == Protocol::Trace {
        return;
    }
    match report.endpoints.as_slice() {
        [] => {}
        [one] => {
            page.field("probes", &counted(report, one));
            if let (true, Some(spread)) = (verbose, spread(&one.probes)) {
                page.field("", &spread);
            }
        }
        several => {
            let mut table = Table::new(&[
                "address",
                "status",
                "ok",
                "min / avg / max",
                "p95",
                "jitter",
                "what failed",
            ]);
            table.right(&[2, 4, 5]);
            table.beneath(&[3, 6]);
            for endpoint in several {
                table.row(ink(endpoint.status), row(report, endpoint, verbose));
            }
            table.show(page, GUTTER, &gutter("probes"));
        }
    }
    for (number, (to, said)) in spoken(report, verbose).into_iter().enumerate() {
        let label = if number == 0 { "speaks" } else { "" };
        page.field(label, &format!("{to}{said}"));
    }
    if let Some(payload) = report
        .options
        .payload
        .as_ref()
        .filter(|_| !report.endpoints.is_empty())
    {
        let bytes = count(payload.length, "byte");
        page.field("payload", &format!("{}, {bytes}", escape(&payload.name)));
    }
}

/// So many characters of what is said are shown.
const SHOWN: usize = 72;

/// What servers said unasked: on one line where all say the same, else a line for each address; all of what was heard where all is told.
fn spoken(report: &Report, verbose: bool) -> Vec<(String, String)> {
    let greeted = |endpoint: &EndpointReport| {
        let to = endpoint.endpoint();
        let heard = report.observations.iter().find_map(|o| {
            let banner = o
                .banner
                .as_ref()
                .filter(|_| o.endpoint.as_ref() == Some(&to))?;
            Some((said(banner, verbose), o.elapsed_ms))
        });
        heard.map(|(said, after)| (endpoint.address.to_string(), said, after))
    };
    let heard: Vec<(String, String, Option<Ms>)> =
        report.endpoints.iter().filter_map(greeted).collect();
    let timed = |said: &str, after: Option<Ms>| match after {
        Some(after) => format!("{said} (after {after})"),
        None => said.to_owned(),
    };
    let alike = heard.len() == report.endpoints.len()
        && heard
            .windows(2)
            .all(|pair| matches!(pair, [(_, one, _), (_, other, _)] if one == other));
    match heard.as_slice() {
        [(_, said, after), ..] if alike => {
            let slowest = heard.iter().map(|(_, _, after)| *after).max().flatten();
            vec![(String::new(), timed(said, slowest.or(*after)))]
        }
        several => several
            .iter()
            .map(|(address, said, after)| (format!("{address}  "), timed(said, *after)))
            .collect(),
    }
}

/// `SSH-2.0-OpenSSH_9.2`, `SMTP: 220 mail.example ESMTP`, `TLS`.
fn said(banner: &Banner, verbose: bool) -> String {
    let text = banner.text.as_deref().map(escape).unwrap_or_default();
    let shown: String = match text.char_indices().nth(SHOWN) {
        Some((end, _)) if !verbose => format!("{}…", text.get(..end).unwrap_or(&text)),
        _ => text,
    };
    match banner.protocol.map(Speech::name) {
        None if shown.is_empty() => "something that is not known by sight".to_owned(),
        None => format!("“{shown}”, which is not known by sight"),
        Some(name) if shown.is_empty() => name.to_owned(),
        Some(name) if shown.starts_with(name) => shown,
        Some(name) => format!("{name}: {shown}"),
    }
}

const fn ink(status: Status) -> Ink {
    match status {
        Status::Reachable => Ink::Good,
        Status::Degraded | Status::Indeterminate => Ink::Warn,
        Status::Unreachable => Ink::Bad,
    }
}

fn row(report: &Report, endpoint: &EndpointReport, verbose: bool) -> Vec<String> {
    let probes = &endpoint.probes;
    let time = |ms: Option<Ms>| ms.map(|ms| ms.to_string()).unwrap_or_default();
    vec![
        endpoint.address.to_string(),
        endpoint.status.as_str().to_owned(),
        if probes.sent == 0 {
            "not sent".to_owned()
        } else {
            format!("{}/{}", probes.ok, probes.sent)
        },
        match (probes.min_ms, probes.avg_ms, probes.max_ms) {
            (Some(min), Some(avg), Some(max)) => format!("{min} / {avg} / {max}"),
            _ => String::new(),
        },
        time(probes.p95_ms.filter(|_| verbose)),
        time(probes.jitter_ms.filter(|_| verbose)),
        numbered(&failures(report, endpoint)),
    ]
}

/// Probes that were under way when the check ended.
fn under_way(report: &Report, endpoint: &EndpointReport) -> usize {
    let to = endpoint.endpoint();
    let cut_short = report
        .observations
        .iter()
        .filter(|o| o.outcome == Outcome::Cancelled && !o.control);
    cut_short
        .filter(|o| {
            o.operation == report.target.protocol.probe() && o.endpoint.as_ref() == Some(&to)
        })
        .count()
}

/// `10 sent, 3 ok, 7 failed (5 not answered, 2 refused)   min 40.1 ms, avg 41.2 ms, max 44.0 ms`
pub(in crate::report) fn counted(report: &Report, endpoint: &EndpointReport) -> String {
    let probes = &endpoint.probes;
    if probes.sent == 0 {
        let cut_short = under_way(report, endpoint);
        return if cut_short == 0 {
            "none sent".to_owned()
        } else {
            format!("{cut_short} sent, none answered before the check was cut short")
        };
    }
    let failures = failures(report, endpoint);
    // What this machine itself made impossible was tried, and not sent.
    let made = if !failures.is_empty()
        && failures.iter().all(|(_, way)| way.starts_with("not sent"))
        && probes.ok == 0
    {
        "tried"
    } else {
        "sent"
    };
    let counts = match failures.as_slice() {
        [] => format!("{} {made}, all ok", probes.sent),
        [(number, way)] if *number == probes.sent => {
            let all = match *way {
                "not answered" => "none answered".to_owned(),
                way if *number == 1 || way.starts_with("not ") => way.to_owned(),
                way => format!("all {way}"),
            };
            format!("{number} {made}, {all}")
        }
        several => format!(
            "{} {made}, {} ok, {} failed ({})",
            probes.sent,
            probes.ok,
            probes.failed,
            numbered(several)
        ),
    };
    match (probes.min_ms, probes.avg_ms, probes.max_ms) {
        (Some(min), Some(avg), Some(max)) => {
            format!("{counts}   min {min}, avg {avg}, max {max}")
        }
        _ => counts,
    }
}

/// How many failed in which way: by what answered, where the observations are there, else by class.
pub(in crate::report) fn failures(
    report: &Report,
    endpoint: &EndpointReport,
) -> Vec<(u32, &'static str)> {
    let probes = &endpoint.probes;
    let place = endpoint.endpoint();
    let mut ways: Vec<(u32, &'static str)> = Vec::new();
    let failed = report.observations.iter().filter(|observation| {
        observation.operation == report.target.protocol.probe()
            && !observation.control
            && observation.outcome != Outcome::Ok
            && observation.endpoint.as_ref() == Some(&place)
    });
    for observation in failed {
        let way = match observation.outcome {
            Outcome::Refused => "refused",
            other => other.phrase(),
        };
        match ways.iter_mut().find(|(_, known)| *known == way) {
            Some((number, _)) => *number += 1,
            None => ways.push((1, way)),
        }
    }
    if ways.iter().map(|(number, _)| number).sum::<u32>() == probes.failed {
        return ways;
    }
    [
        (probes.refused, "refused"),
        (probes.lost, "not answered"),
        (probes.error, "ended with an error"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .collect()
}

pub(in crate::report) fn numbered(ways: &[(u32, &str)]) -> String {
    let ways: Vec<String> = ways
        .iter()
        .map(|(number, way)| format!("{number} {way}"))
        .collect();
    ways.join(", ")
}

fn spread(probes: &Probes) -> Option<String> {
    let mut words = Vec::new();
    for (name, value) in [
        ("median", probes.p50_ms),
        ("p95", probes.p95_ms),
        ("standard deviation", probes.stddev_ms),
        ("jitter", probes.jitter_ms),
    ] {
        if let Some(value) = value {
            words.push(format!("{name} {value}"));
        }
    }
    if let (Some(loss), Some((low, high))) = (probes.loss_percent, probes.loss_interval) {
        words.push(format!(
            "loss {} ({} to {} at 95 % confidence)",
            percent(loss),
            percent(low),
            percent(high)
        ));
    }
    (!words.is_empty()).then(|| words.join(", "))
}
