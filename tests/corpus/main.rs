//! Packets as routers quote them (`quote/*.hex`): each is read as it says, whole, cut anywhere and changed anywhere.
//!
//! A file has a line of what it is, its family, what has to be read from it, and the ICMP message from its type on, in hex.
// Tests fail by panics.
#![allow(clippy::unwrap_used)]

#[path = "../../fuzz/quote.rs"]
mod quote;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use nwcheck::proto::quote::{Family, Transport, read_error};

struct Sample {
    name: String,
    family: Family,
    expect: String,
    bytes: Vec<u8>,
}

fn samples() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/quote");
    let mut samples: Vec<Sample> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| sample(&entry.unwrap().path()))
        .collect();
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(samples.len() >= 20);
    samples
}

fn sample(path: &Path) -> Sample {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let family = match lines.next() {
        Some("family v4") => Family::V4,
        Some("family v6") => Family::V6,
        other => panic!("{name}: family v4 or v6, not {other:?}"),
    };
    let expect = lines.next().and_then(|line| line.strip_prefix("expect "));
    let expect = expect
        .unwrap_or_else(|| panic!("{name}: expect …"))
        .to_owned();
    let digits: String = lines.collect();
    let bytes = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    Sample {
        name,
        family,
        expect,
        bytes,
    }
}

/// All that was read, in one line.
fn told(family: Family, bytes: &[u8]) -> String {
    let Some((quote, extensions)) = read_error(family, bytes) else {
        return "nothing".to_owned();
    };
    let mut line = format!(
        "{} > {} ttl {} tos {:#04x} length {}",
        quote.source, quote.destination, quote.ttl, quote.tos, quote.length
    );
    if let Some(label) = quote.flow_label {
        write!(line, " flow {label:#07x}").unwrap();
    }
    match quote.transport {
        Transport::Tcp {
            source,
            destination,
            sequence,
        } => {
            write!(line, " tcp {source} > {destination} sequence {sequence:x?}").unwrap();
        }
        Transport::Udp {
            source,
            destination,
            length,
            checksum,
        } => {
            write!(
                line,
                " udp {source} > {destination} {length:?} {checksum:x?}"
            )
            .unwrap();
        }
        Transport::Icmp {
            kind,
            code,
            id,
            sequence,
            ..
        } => {
            write!(line, " icmp {kind}/{code} {id:x?} {sequence:?}").unwrap();
        }
        Transport::Unknown => write!(line, " protocol {}, nothing of it", quote.protocol).unwrap(),
    }
    for label in extensions.mpls {
        let bottom = if label.bottom { " bottom" } else { "" };
        write!(
            line,
            " label {} class {} ttl {}{bottom}",
            label.label, label.class, label.ttl
        )
        .unwrap();
    }
    for one in extensions.interfaces {
        write!(
            line,
            " {:?} interface {:?} {:?} {:?} mtu {:?}",
            one.role, one.index, one.address, one.name, one.mtu
        )
        .unwrap();
    }
    line
}

#[test]
fn each_sample_is_read_as_it_says() {
    let wrong: Vec<String> = samples()
        .iter()
        .map(|sample| (sample, told(sample.family, &sample.bytes)))
        .filter(|(sample, told)| *told != sample.expect)
        .map(|(sample, told)| format!("{}:\n  {told}\n  {}", sample.name, sample.expect))
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_sample_that_is_cut_or_changed_anywhere_does_harm() {
    for sample in samples() {
        for end in 0..=sample.bytes.len() {
            quote::check(&sample.bytes[..end]);
            quote::check(&sample.bytes[end..]);
        }
        for at in 0..sample.bytes.len() {
            for value in [0, 1, 0x0f, 0x3c, 0x40, 0x45, 0x60, 0x7f, 0x80, 0xff] {
                let mut changed = sample.bytes.clone();
                changed[at] = value;
                quote::check(&changed);
                quote::check(&changed[8..]);
            }
        }
    }
}
