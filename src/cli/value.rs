//! The values of options: durations, percentages, numbers, addresses. Pure.

use super::Usage;
use crate::model::options::Override;
use crate::model::topology::{ConfidenceScope, TraceProtocol};
use crate::model::{Address, Endpoint, Ms, Target};

/// What each option with a value expects, and an example.
const HINTS: &[(&str, &str, &str)] = &[
    (
        "--output",
        "text, json, jsonl, markdown, html, junit, github, nagios, prometheus, azure, dot, mermaid or svg",
        "-o json",
    ),
    (
        "--save",
        "a file ending in .txt, .json, .jsonl, .md, .html, .xml, .prom, .dot, .mmd or .svg",
        "--save report.json",
    ),
    ("--color", "auto, always or never", "--color never"),
    ("--count", "a whole number from 1 to 10000", "-c 20"),
    (
        "--interval",
        "a duration with its unit (us, ms, s, m, h)",
        "-i 20ms",
    ),
    (
        "--timeout",
        "a duration with its unit (us, ms, s, m, h)",
        "-w 2s",
    ),
    (
        "--deadline",
        "a duration with its unit (us, ms, s, m, h)",
        "--deadline 10s",
    ),
    (
        "--wait",
        "a duration with its unit (us, ms, s, m, h)",
        "--wait 2m",
    ),
    ("--control", "a port from 1 to 65535", "--control 22"),
    (
        "--payload",
        "at most 1400 bytes: a text, hexadecimal after `hex:`, or a file after `@`",
        "--payload hex:00ff",
    ),
    ("--source", "an address of this machine", "-s 192.0.2.10"),
    (
        "--source-port",
        "a port from 1 to 65535",
        "--source-port 40000",
    ),
    ("--interface", "the name of an interface", "-I eth0"),
    ("--tos", "a whole number from 0 to 255", "--tos 0x10"),
    (
        "--server",
        "an address, with or without a port",
        "--server 192.0.2.53",
    ),
    (
        "--inventory",
        "an Ansible inventory in INI form, or as `ansible-inventory --list` writes it; or ssh",
        "--inventory hosts.ini",
    ),
    (
        "--resolve",
        "HOST:PORT:ADDR",
        "--resolve web.example:443:192.0.2.7",
    ),
    (
        "--all-addresses",
        "a whole number from 1 to 64",
        "--all-addresses 16",
    ),
    (
        "--max-hops",
        "a whole number from 1 to 255",
        "--max-hops 20",
    ),
    ("--flows", "a whole number from 1 to 1024", "--flows 16"),
    ("--confidence", "95 or 99", "--confidence 99"),
    (
        "--confidence-scope",
        "node or path",
        "--confidence-scope path",
    ),
    ("--protocol", "tcp, udp or icmp", "--protocol tcp"),
    (
        "--as-database",
        "a file of IP ranges and their AS numbers, one a line, by tabs",
        "--as-database ip2asn.tsv",
    ),
    (
        "--type",
        "a record type: A, AAAA, CAA, CNAME, HTTPS, MX, NS, PTR, SOA, SRV, SVCB, TXT",
        "--type MX",
    ),
    ("--rate", "a whole number from 1 to 10000", "--rate 100"),
    (
        "--baseline",
        "the JSON report of an earlier check",
        "--baseline report.json",
    ),
    (
        "--expect",
        "open, closed, filtered or blocked",
        "--expect open",
    ),
    ("--max-loss", "a percentage from 0 to 100", "--max-loss 5%"),
    (
        "--max-avg",
        "milliseconds, or a duration with its unit",
        "--max-avg 50",
    ),
    (
        "--max-p95",
        "milliseconds, or a duration with its unit",
        "--max-p95 80",
    ),
    (
        "--max-connect",
        "milliseconds, or a duration with its unit",
        "--max-connect 300",
    ),
    ("--fail-on", "error or warning", "--fail-on warning"),
];

/// What an option expects, and an example.
pub(super) fn hint(option: &str) -> Option<(&'static str, &'static str)> {
    HINTS
        .iter()
        .find(|(name, ..)| *name == option)
        .map(|(_, expected, example)| (*expected, *example))
}

/// What is wrong with the value of an option.
pub(super) fn wrong(option: &str, what: impl Into<String>) -> Usage {
    let (expected, example) = hint(option).unwrap_or(("another value", option));
    Usage::new(option, what, expected, example)
}

fn quoted(option: &str, text: &str, what: &str) -> Usage {
    wrong(option, format!("`{text}` {what}"))
}

/// A whole number within bounds.
pub(super) fn whole<T>(option: &str, text: &str, least: T, most: T) -> Result<T, Usage>
where
    T: TryFrom<u64> + PartialOrd + Copy,
{
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let value = digits.then(|| text.parse::<u64>()).and_then(Result::ok);
    match value.map(T::try_from) {
        Some(Ok(value)) if value >= least && value <= most => Ok(value),
        _ if digits => Err(quoted(option, text, "is out of range")),
        _ => Err(quoted(option, text, "is no whole number")),
    }
}

/// The record types that can be asked for by name.
const RECORD_TYPES: &[&str] = &[
    "A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT",
];

/// A record type.
pub(super) fn record_type(text: &str) -> Result<String, Usage> {
    let upper = text.to_ascii_uppercase();
    if RECORD_TYPES.contains(&upper.as_str()) {
        Ok(upper)
    } else {
        Err(wrong("--type", format!("`{text}` is not offered")))
    }
}

/// How sure the search for all paths has to be, with or without `%`.
pub(super) fn confidence(text: &str) -> Result<u8, Usage> {
    match text.trim_end_matches('%') {
        "95" => Ok(95),
        "99" => Ok(99),
        _ => Err(wrong("--confidence", format!("`{text}` is not offered"))),
    }
}

/// What a confidence is about.
pub(super) fn confidence_scope(text: &str) -> Result<ConfidenceScope, Usage> {
    match text {
        "node" => Ok(ConfidenceScope::Node),
        "path" => Ok(ConfidenceScope::Path),
        _ => Err(wrong(
            "--confidence-scope",
            format!("`{text}` is not known"),
        )),
    }
}

/// With which probes a path is traced.
pub(super) fn trace_protocol(text: &str) -> Result<TraceProtocol, Usage> {
    match text {
        "tcp" => Ok(TraceProtocol::Tcp),
        "udp" => Ok(TraceProtocol::Udp),
        "icmp" => Ok(TraceProtocol::Icmp),
        _ => Err(wrong("--protocol", format!("`{text}` is not known"))),
    }
}

/// The type of service: decimal, or hexadecimal with `0x`.
pub(super) fn tos(text: &str) -> Result<u8, Usage> {
    match text.strip_prefix("0x") {
        Some(hex) => {
            u8::from_str_radix(hex, 16).map_err(|_| quoted("--tos", text, "is out of range"))
        }
        None => whole("--tos", text, 0, 255),
    }
}

/// A duration with its unit, longer than nothing.
pub(super) fn duration(option: &str, text: &str) -> Result<Ms, Usage> {
    match amount(text) {
        Some((number, Some(factor))) => positive(option, text, number * factor),
        Some((number, None)) => {
            let (expected, _) = hint(option).unwrap_or(("a unit", ""));
            Err(Usage::new(
                option,
                format!("`{text}` has no unit"),
                expected,
                format!("{option} {number}s or {option} {number}ms"),
            ))
        }
        None => Err(quoted(option, text, "is no duration")),
    }
}

/// Milliseconds; another unit may be named.
pub(super) fn millis(option: &str, text: &str) -> Result<Ms, Usage> {
    match amount(text) {
        Some((number, factor)) => positive(option, text, number * factor.unwrap_or(1.0)),
        None => Err(quoted(option, text, "is no number of milliseconds")),
    }
}

fn positive(option: &str, text: &str, millis: f64) -> Result<Ms, Usage> {
    let value = Ms::from_f64(millis);
    // A day is more than anybody waits for, and less than any arithmetic on times can't hold.
    if value == Ms::ZERO {
        Err(quoted(
            option,
            text,
            "is too short: it has to be longer than nothing",
        ))
    } else if value > Ms::from_millis(86_400_000) {
        Err(quoted(option, text, "is longer than a day"))
    } else {
        Ok(value)
    }
}

/// A number and how many milliseconds its unit has.
fn amount(text: &str) -> Option<(f64, Option<f64>)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim_start() {
        "" => None,
        "us" | "µs" | "μs" => Some(0.001),
        "ms" => Some(1.0),
        "s" => Some(1000.0),
        "m" | "min" => Some(60_000.0),
        "h" => Some(3_600_000.0),
        _ => return None,
    };
    Some((decimal(number)?, factor))
}

/// `12`, `0.5`, `.5`: a number without sign or exponent.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.')
        && text.chars().any(|c| c.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A percentage from 0 to 100, with or without `%`.
pub(super) fn percent(option: &str, text: &str) -> Result<f64, Usage> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    match decimal(number) {
        Some(value) if value <= 100.0 => Ok(value),
        Some(_) => Err(quoted(option, text, "is more than all")),
        None => Err(quoted(option, text, "is no percentage")),
    }
}

/// An address.
pub(super) fn address(option: &str, text: &str) -> Result<Address, Usage> {
    text.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text)
        .parse()
        .map_err(|_| quoted(option, text, "is no IP address"))
}

/// A name server: port 53 unless it names another.
pub(super) fn server(text: &str) -> Result<Endpoint, Usage> {
    let option = "--server";
    if let Ok(address) = address(option, text) {
        return Ok(Endpoint::new(address, 53));
    }
    let endpoint: Endpoint = text
        .parse()
        .map_err(|_| quoted(option, text, "is no address of a name server"))?;
    if endpoint.port == Some(0) {
        return Err(quoted(option, text, "has port 0"));
    }
    Ok(endpoint)
}

/// `HOST:PORT:ADDR`; brackets may stand around an IPv6 address.
pub(super) fn resolve(text: &str) -> Result<Override, Usage> {
    let option = "--resolve";
    let mut parts = text.splitn(3, ':');
    let (Some(host), Some(port), Some(at)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(quoted(option, text, "has not its three parts"));
    };
    let host = Target::parse_name(host)
        .map_err(|invalid| quoted(option, text, &format!("names no host: {}", invalid.what)))?;
    Ok(Override {
        host,
        port: whole(option, port, 1, u16::MAX)?,
        address: address(option, at)?,
    })
}

/// The name of an interface, as the kernel takes it (`dev_valid_name`, net/core/dev.c).
pub(super) fn interface(text: &str) -> Result<String, Usage> {
    let fits = (1..16).contains(&text.len())
        && !text.starts_with('-')
        && text != "."
        && text != ".."
        && !text.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(quoted("--interface", text, "is no name of an interface"))
    }
}
/// Files by their names, as they are told.
pub(super) fn files(paths: &[std::path::PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}
