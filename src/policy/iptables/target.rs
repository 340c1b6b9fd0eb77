//! What a rule does: iptables-extensions(8), TARGET EXTENSIONS.

use std::net::IpAddr;

use super::words::{masked, number};
use crate::policy::form::{Change, Family, Field, Mark, Match, Nat, Pattern, Step, Verdict};
use crate::policy::packet;

/// The steps of a target with its options.
pub(super) fn steps(name: &str, options: &[String], goto: bool, family: Family) -> Vec<Step> {
    let value = |option: &str| {
        let at = options.iter().position(|word| word == option)?;
        options.get(at + 1).map(String::as_str)
    };
    let has = |option: &str| options.iter().any(|word| word == option);
    let verdict = |verdict: Verdict| vec![Step::Verdict(verdict)];
    match name {
        "ACCEPT" => verdict(Verdict::Accept),
        "DROP" => verdict(Verdict::Drop),
        "RETURN" => verdict(Verdict::Return),
        "REJECT" => reject(value("--reject-with"), family),
        "QUEUE" | "NFQUEUE" | "TPROXY" | "SYNPROXY" => verdict(Verdict::Elsewhere),
        "CT" if has("--notrack") => vec![Step::Untrack],
        // They look, count and tell, or change nothing that is looked at here.
        "CT" | "LOG" | "NFLOG" | "ULOG" | "TRACE" | "AUDIT" | "CHECKSUM" | "CLASSIFY" | "DSCP"
        | "TOS" | "TTL" | "HL" | "ECN" | "TCPMSS" | "TCPOPTSTRIP" | "CONNSECMARK" | "SECMARK"
        | "SET" | "RATEEST" | "IDLETIMER" | "LED" | "TEE" => Vec::new(),
        "NOTRACK" => vec![Step::Untrack],
        "MARK" => vec![mark(Change::Packet, &value)],
        "CONNMARK" => vec![connection_mark(&value, &has)],
        "DNAT" => vec![value("--to-destination").map_or(Step::Opaque, destination)],
        "REDIRECT" => vec![Step::Nat(Nat::Redirect {
            port: value("--to-ports").map(ports),
        })],
        "SNAT" | "MASQUERADE" => vec![Step::Nat(Nat::Source { family: None })],
        // Out, to a network of the same size; in, from one.
        "NETMAP" => vec![Step::Opaque],
        _ if goto => verdict(Verdict::Goto(name.to_owned())),
        _ => verdict(Verdict::Jump(name.to_owned())),
    }
}

/// A reset answers TCP alone: what else comes to such a rule is not what it is for.
fn reject(with: Option<&str>, family: Family) -> Vec<Step> {
    let usual = if family == Family::Ip6 {
        "icmp6-port-unreachable"
    } else {
        "icmp-port-unreachable"
    };
    let with = with.unwrap_or(usual);
    let mut steps = Vec::new();
    if with == "tcp-reset" {
        steps.push(Step::Match(Match::one(
            Field::Protocol,
            [Pattern::exactly(6)],
        )));
    }
    steps.push(Step::Verdict(Verdict::Reject(with.to_owned())));
    steps
}

fn mark<'a>(of: Change, value: &impl Fn(&str) -> Option<&'a str>) -> Step {
    let bits = |word: &str| number(word).and_then(|bits| u32::try_from(bits).ok());
    let made = if let Some((set, mask)) = value("--set-xmark").and_then(masked) {
        Some((!mask, set))
    } else if let Some((set, mask)) = value("--set-mark").and_then(masked) {
        Some((!(mask | set), set))
    } else if let Some(and) = value("--and-mark").and_then(bits) {
        Some((and, 0))
    } else if let Some(or) = value("--or-mark").and_then(bits) {
        Some((!or, or))
    } else {
        value("--xor-mark")
            .and_then(bits)
            .map(|xor| (u32::MAX, xor))
    };
    Step::Mark(Mark {
        of,
        keep: made.map_or(0, |(keep, _)| keep),
        from: None,
        set: made.map_or(0, |(_, set)| set),
        obscure: made.is_none(),
    })
}

fn connection_mark<'a>(
    value: &impl Fn(&str) -> Option<&'a str>,
    has: &impl Fn(&str) -> bool,
) -> Step {
    let mask = |option: &str| match value(option) {
        Some(word) => number(word).and_then(|mask| u32::try_from(mask).ok()),
        None => Some(u32::MAX),
    };
    let both = match value("--mask") {
        Some(word) => masked(word).map(|(mask, _)| (mask, mask)),
        None => mask("--nfmask").zip(mask("--ctmask")),
    };
    let (of, other) = if has("--save-mark") {
        (Change::Connection, Change::Packet)
    } else if has("--restore-mark") {
        (Change::Packet, Change::Connection)
    } else {
        return mark(Change::Connection, value);
    };
    let (packet, connection) = both.unwrap_or((u32::MAX, u32::MAX));
    let (kept, taken) = match of {
        Change::Packet => (!packet, connection),
        Change::Connection => (!connection, packet),
    };
    Step::Mark(Mark {
        of,
        keep: kept,
        from: Some((other, taken)),
        set: 0,
        obscure: both.is_none(),
    })
}

/// `ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]:PORT`, `:PORT`, with ranges of both.
fn destination(to: &str) -> Step {
    let (address, port) = if let Some(rest) = to.strip_prefix('[') {
        match rest.split_once(']') {
            Some((address, port)) => (address, port.strip_prefix(':')),
            None => return Step::Opaque,
        }
    } else if to.matches(':').count() > 1 {
        (to, None)
    } else {
        match to.split_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (to, None),
        }
    };
    let span = |word: &str| -> Option<Pattern> {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let each = |word: &str| word.parse::<IpAddr>().ok().map(packet::number);
        Some(Pattern::Between(each(first)?, each(last)?))
    };
    Step::Nat(Nat::Destination {
        family: None,
        address: (!address.is_empty()).then(|| span(address).unwrap_or(Pattern::Unknown)),
        port: port.map(ports),
    })
}

/// `80` or `80-90`, with a base port after a slash or not.
fn ports(word: &str) -> Pattern {
    let word = word.split('/').next().unwrap_or_default();
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    match (number(first), number(last)) {
        (Some(first), Some(last)) => Pattern::Between(first, last),
        _ => Pattern::Unknown,
    }
}
