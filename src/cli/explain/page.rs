//! For man(1): `nwcheck-findings(7)`, all findings in the order of the chain.

use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::{heading, origin, paragraphs, parts, severity, spans};
use crate::diagnose::Rule;

/// The page, as roff(7).
pub fn render(rules: &[&Rule]) -> Vec<u8> {
    let mut roff = Roff::new();
    let version = concat!("nwcheck ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["NWCHECK-FINDINGS", "7", " ", version, "nwcheck"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(
        "nwcheck-findings - what the findings of nwcheck mean, what proves them and what to do",
    )]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "A report of nwcheck names what is wrong by a finding, and the one that explains the failure as its cause. An id never changes its \
         meaning: scripts may match on it, and tickets quote it. Each is told here with what it means, how it is known, what to do about it \
         and what else looks like it. They stand in the order in which a check passes them: an earlier one explains a later one.",
    )]);
    let mut part = None;
    for rule in rules {
        if part != Some(rule.id.origin()) {
            part = Some(rule.id.origin());
            roff.control("SH", [heading(rule.id).to_uppercase().as_str()]);
        }
        roff.control("SS", [rule.id.as_str()]);
        let of = format!("{}, {}", severity(rule.id), origin(rule.id));
        roff.text([roman(of)]);
        for (title, words) in parts(rule) {
            for (number, paragraph) in paragraphs(words).iter().enumerate() {
                if number == 0 {
                    roff.control("TP", []);
                    roff.text([bold(title)]);
                } else {
                    roff.control("IP", []);
                }
                roff.text(inline(paragraph));
            }
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman("nwcheck(1), nwcheck-explain(1)")]);
    let mut bytes = Vec::new();
    // A page is written to memory, which can't fail.
    let _ = roff.to_writer(&mut bytes);
    bytes
}

/// Running text, with what is to be typed in bold.
fn inline(paragraph: &str) -> Vec<Inline> {
    let spans = spans(paragraph).filter(|(_, span)| !span.is_empty());
    spans
        .map(|(is_code, span)| if is_code { bold(span) } else { roman(span) })
        .collect()
}
