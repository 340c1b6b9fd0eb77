//! Names and addresses replaced, so that a report can be shown to others (`--redact`).
//!
//! Within a report the same original has the same replacement everywhere, in fields, quotes and running text, whatever its form: dotted,
//! dashed, reversed, hexadecimal, expanded, in punycode or Unicode, in base64, in any case. Replacements come of a random key that is
//! kept nowhere: without it nobody can try an original and see whether it fits.
//!
//! What survives is what the rules ask for, so that a redacted report can be judged again:
//!
//! | of | survives |
//! |---|---|
//! | an address | its family; its class, as the range that its replacement is in (below); equality; common prefixes, so that a prefix within one range holds what it held |
//! | a name | the number of its labels, and which of them are equal to those of other names; `localhost` |
//! | an interface | equality; `lo` |
//! | a link-layer address | equality |
//! | a URI | its scheme and port; not its path |
//!
//! | class of the original | range of the replacement |
//! |---|---|
//! | public | 240.0.0.0/4 and 3fff::/20, which nobody has |
//! | private, shared, link-local, documentation, benchmark, multicast, unique local, NAT64 | the same range: 10.0.0.0/8 stays 10.0.0.0/8 |
//! | loopback, unspecified, broadcast | itself: it is the same on every machine |
//!
//! Times, ports, counts, process names, the operating system and the kernel's release stay. What others wrote (texts of name servers,
//! TXT records, names of autonomous systems, a payload) is dropped. A field that this module does not know is dropped, too: a test names it.

mod address;
mod fields;
mod forms;
mod names;
mod prose;

use std::collections::BTreeSet;
use std::hash::RandomState;
use std::net::IpAddr;

use crate::model::local::Prefix;
use crate::model::options::Payload;
use crate::model::{Endpoint, Report};
use address::Addresses;
use fields::{Fields, Treat};
use names::Names;
use prose::Prose;

/// What stands for a text that is dropped.
const DROPPED: &str = "[redacted]";
/// So many keys are tried where replacements collide: with each other, or with another original.
const ATTEMPTS: u32 = 64;

/// Replaces names and addresses in a report; one that is redacted already stays as it is. Reports that are redacted with one key have the
/// same replacements.
///
/// # Errors
/// The report has no form in JSON, or can't be read back: a fault of the program.
pub fn redact(report: &mut Report, key: &RandomState) -> serde_json::Result<()> {
    if report.redacted {
        return Ok(());
    }
    let dropped = drop_words(report);
    let mut value = serde_json::to_value(&*report)?;
    let fields = Fields::of_report();
    let mut originals = Originals::default();
    originals.words.extend(dropped);
    fields.visit(&mut value, &mut |treat, text| {
        originals.collect(treat, text);
    });
    let replacer = originals.replacer(key);
    fields.visit(&mut value, &mut |treat, text| {
        *text = replacer.replaced(treat, text);
    });
    *report = serde_json::from_value(value)?;
    report.redacted = true;
    if report.target.uri.is_none() {
        report.target.input = report.target.label();
    }
    Ok(())
}

/// A report as it may be shown: with a key redacted, without one as it is.
///
/// # Errors
/// As [`redact`].
pub fn redacted(mut report: Report, key: Option<&RandomState>) -> serde_json::Result<Report> {
    if let Some(key) = key {
        redact(&mut report, key)?;
    }
    Ok(report)
}

/// Drops what no replacement stands for, and says which words were in it.
fn drop_words(report: &mut Report) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(payload) = &mut report.options.payload
        && payload.hex.is_some()
    {
        words.push(std::mem::take(&mut payload.name));
        words.extend(payload.hex.take());
        *payload = Payload {
            name: "a payload of the user's own".to_owned(),
            hex: None,
            ..payload.clone()
        };
    }
    let paths = report.endpoints.iter_mut().filter_map(|e| e.path.as_mut());
    for node in paths
        .flat_map(|path| &mut path.hops)
        .flat_map(|hop| &mut hop.nodes)
    {
        if let Some(system) = node.autonomous_system.take() {
            words.push(format!("AS{}", system.number));
            words.extend(system.name);
        }
    }
    words
}

/// All that has to be found again in running text.
#[derive(Default)]
struct Originals {
    addresses: BTreeSet<IpAddr>,
    prefixes: BTreeSet<ipnet::IpNet>,
    names: BTreeSet<String>,
    interfaces: BTreeSet<String>,
    links: BTreeSet<String>,
    uris: BTreeSet<String>,
    words: BTreeSet<String>,
}

impl Originals {
    fn collect(&mut self, treat: Treat, text: &str) {
        if treat == Treat::Keep {
            return;
        }
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            self.address(endpoint.address.ip());
            self.interfaces
                .extend(endpoint.address.zone().map(str::to_owned));
            return;
        }
        if let Ok(prefix) = text.parse::<ipnet::IpNet>() {
            self.prefixes.insert(prefix);
            self.address(prefix.addr());
            return;
        }
        match treat {
            Treat::Keep => {}
            Treat::Name => self.name(text),
            Treat::Record => {
                let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
                if names::holds_names(kind) {
                    rest.split(' ')
                        .for_each(|word| self.collect(Treat::Name, word));
                } else {
                    self.word(rest);
                }
            }
            Treat::Interface => {
                self.interfaces.insert(text.to_owned());
            }
            Treat::Link => {
                if let Some(ip) = forms::address_of_link(text) {
                    self.address(ip);
                }
                self.links.insert(text.to_owned());
            }
            Treat::Uri => {
                // What was typed without a scheme is told by the host and the port.
                let Some(uri) = names::uri(text) else { return };
                if let Some(host) = uri.host_str() {
                    self.collect(Treat::Name, host.trim_matches(['[', ']']));
                }
                let path = uri.path_segments().into_iter().flatten();
                path.chain(uri.query()).for_each(|part| self.word(part));
                self.uris.insert(text.to_owned());
            }
            Treat::Drop => self.word(text),
            Treat::File => {
                if !names::is_of_every_machine(text) {
                    self.word(text);
                }
            }
            Treat::Prose => prose::addresses(text).for_each(|ip| self.address(ip)),
        }
    }

    fn address(&mut self, ip: IpAddr) {
        self.links.extend(forms::link_of_address(ip));
        self.addresses.insert(ip);
    }

    /// A name, and the domains that it is in.
    fn name(&mut self, text: &str) {
        let text = text.trim_end_matches('.');
        let mut rest = Some(text);
        while let Some(name) = rest.filter(|name| !name.is_empty()) {
            if name == text || name.contains('.') {
                self.names.insert(name.to_owned());
            }
            rest = name.split_once('.').map(|(_, rest)| rest);
        }
    }

    /// A text of somebody else's; a very short one says nothing, and would be found everywhere.
    fn word(&mut self, text: &str) {
        if text.len() > 2 && text.len() <= 4096 {
            self.words.insert(text.to_owned());
        }
    }

    /// The first key under which nothing collides, or the last that was tried.
    fn replacer(&self, key: &RandomState) -> Replacer {
        let fits = |addresses: &Addresses| {
            let mut seen = BTreeSet::new();
            let unique = self.addresses.iter().all(|ip| {
                let now = addresses.mapped(*ip);
                now == *ip && address::stays(*ip)
                    || !self.addresses.contains(&now) && seen.insert(now)
            });
            unique
                && self.prefixes.iter().all(|prefix| {
                    let mapped = addresses.prefix(*prefix);
                    self.addresses
                        .iter()
                        .all(|ip| prefix.contains(ip) == mapped.contains(&addresses.mapped(*ip)))
                })
        };
        let addresses = (0..ATTEMPTS)
            .map(|attempt| Addresses::new(key.clone(), attempt))
            .find(fits)
            .unwrap_or_else(|| Addresses::new(key.clone(), ATTEMPTS));
        let names = Names::new(key.clone());
        let prose = Prose::new(self, &addresses, &names);
        Replacer {
            addresses,
            names,
            prose,
        }
    }
}

/// From originals to replacements.
struct Replacer {
    addresses: Addresses,
    names: Names,
    prose: Prose,
}

impl Replacer {
    fn replaced(&self, treat: Treat, text: &str) -> String {
        if treat == Treat::Keep {
            return text.to_owned();
        }
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            return self.addresses.endpoint(&endpoint, &self.names).to_string();
        }
        if let Ok(prefix) = text.parse::<ipnet::IpNet>() {
            return Prefix(self.addresses.prefix(prefix)).0.to_string();
        }
        match treat {
            Treat::Keep => text.to_owned(),
            Treat::Name => self.names.name(text, &self.addresses),
            Treat::Record => {
                let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
                if names::holds_names(kind) {
                    let words = rest.split(' ').map(|word| match word.parse::<u64>() {
                        Ok(_) => word.to_owned(),
                        Err(_) => self.replaced(Treat::Name, word),
                    });
                    let words: Vec<String> = words.collect();
                    format!("{kind} {}", words.join(" "))
                } else {
                    format!("{kind} {DROPPED}")
                }
            }
            Treat::Interface => self.names.interface(text),
            Treat::Link => self.names.link(text),
            Treat::Uri => self.names.uri(text, &self.addresses),
            Treat::File if names::is_of_every_machine(text) => text.to_owned(),
            Treat::Drop | Treat::File => DROPPED.to_owned(),
            Treat::Prose => self.prose.scrubbed(text, &self.addresses, &self.names),
        }
    }
}

#[cfg(test)]
mod tests;
