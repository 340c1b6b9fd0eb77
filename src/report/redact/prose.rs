//! Running text: addresses are recognised as such, and of all else the forms of the originals are looked for, the longest first.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::address::Addresses;
use super::names::Names;
use super::{DROPPED, Originals, forms};

/// The most characters that an address has, its IPv4 part written out.
const LONGEST_ADDRESS: usize = 45;

/// The most bytes that are looked through for the end of a name.
const LONGEST_NAME: usize = 1024;

/// The forms of all originals, each with what stands for it.
pub(super) struct Prose {
    forms: HashMap<String, Form>,
    /// How long the forms are that begin with these two bytes, the longest first.
    lengths: HashMap<[u8; 2], Vec<usize>>,
    /// All names, in every form.
    domains: HashSet<String>,
}

/// What stands for a form.
struct Form {
    replacement: String,
    edge: Edge,
}

/// What may stand beside a form.
#[derive(Clone, Copy)]
enum Edge {
    /// Anything.
    Any,
    /// No digit: it would be another number.
    Number,
    /// No letter, digit or underscore: it would be another word.
    Word,
}

impl Edge {
    fn admits(self, beside: Option<char>) -> bool {
        beside.is_none_or(|c| match self {
            Self::Any => true,
            Self::Number => !c.is_ascii_digit(),
            Self::Word => !(c.is_alphanumeric() || c == '_'),
        })
    }
}

impl Prose {
    pub(super) fn new(originals: &Originals, addresses: &Addresses, names: &Names) -> Self {
        let mut prose = Self {
            forms: HashMap::new(),
            lengths: HashMap::new(),
            domains: HashSet::new(),
        };
        for ip in &originals.addresses {
            if super::address::stays(*ip) {
                continue;
            }
            let now = addresses.mapped(*ip);
            for (form, other) in forms::of_address(*ip)
                .into_iter()
                .zip(forms::of_address(now))
            {
                prose.encoded(form.as_bytes());
                prose.add(&form, &other, Edge::Number);
            }
            prose.add(&forms::reversed(*ip), &forms::reversed(now), Edge::Number);
            match ip {
                IpAddr::V4(v4) => prose.encoded(&v4.octets()),
                IpAddr::V6(v6) => prose.encoded(&v6.octets()),
            }
        }
        for name in &originals.names {
            let now = names.name(name, addresses);
            if now.eq_ignore_ascii_case(name) {
                continue;
            }
            // A short word may be part of another by chance; a name with a dot is none.
            let edge = if name.contains('.') && name.len() > 5 {
                Edge::Any
            } else {
                Edge::Word
            };
            for form in forms::of_name(name) {
                prose.encoded(form.as_bytes());
                if form.len() > 5 {
                    prose.add(
                        &crate::model::text::hex(form.as_bytes()),
                        DROPPED,
                        Edge::Any,
                    );
                }
                prose.add(&crate::model::text::escape(&form), &now, edge);
                prose.add(&form, &now, edge);
                prose.domains.insert(folded(&form));
            }
        }
        for name in originals.interfaces.iter().filter(|name| *name != "lo") {
            prose.add(name, &names.interface(name), Edge::Word);
        }
        for link in &originals.links {
            let now = names.link(link);
            if now.eq_ignore_ascii_case(link) {
                continue;
            }
            for (form, other) in forms::of_link(link).into_iter().zip(forms::of_link(&now)) {
                prose.encoded(form.as_bytes());
                prose.add(&form, &other, Edge::Any);
            }
        }
        for uri in &originals.uris {
            prose.add(uri, &names.uri(uri, addresses), Edge::Any);
        }
        for word in &originals.words {
            prose.add(&crate::model::text::escape(word), DROPPED, Edge::Word);
            prose.add(word, DROPPED, Edge::Word);
        }
        for lengths in prose.lengths.values_mut() {
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            lengths.dedup();
        }
        prose
    }

    /// A form; of two originals with one form the first counts.
    fn add(&mut self, form: &str, replacement: &str, edge: Edge) {
        let form = folded(form);
        if form.is_empty() {
            return;
        }
        self.lengths
            .entry(start(&form))
            .or_default()
            .push(form.len());
        self.forms.entry(form).or_insert_with(|| Form {
            replacement: replacement.to_owned(),
            edge,
        });
    }

    /// Bytes within base64.
    fn encoded(&mut self, bytes: &[u8]) {
        for form in forms::base64(bytes) {
            self.add(&form, DROPPED, Edge::Any);
        }
    }

    /// The text with all that was found replaced.
    pub(super) fn scrubbed(&self, text: &str, addresses: &Addresses, names: &Names) -> String {
        let lower = folded(text);
        let mut scrubbed = String::with_capacity(text.len());
        let mut before: Option<char> = None;
        let mut at = 0;
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let rest = text.get(at..).unwrap_or_default();
            let form = self.form_at(&lower, at, before);
            let seen = address_at(rest, before);
            let below = self.below(&lower, at, before);
            let longest = form.map_or(0, |(length, _)| length);
            let (length, replacement) = match (seen, below) {
                (_, Some(length)) if length > longest => {
                    let name = text.get(at..at + length).unwrap_or_default();
                    (length, names.name(name, addresses))
                }
                // An address backwards may look like one that stays: 10.0.0.127 does.
                (Some((length, ip)), _)
                    if length > longest || length == longest && !super::address::stays(ip) =>
                {
                    (length, spoken(rest, length, ip, addresses))
                }
                _ => match form {
                    Some((length, form)) => (length, form.replacement.clone()),
                    None => (c.len_utf8(), String::from(c)),
                },
            };
            // `comment "…"` of a firewall's rule: its owner's words.
            if let Some(said) = quoted_comment(rest, before) {
                scrubbed.push_str("comment \"");
                scrubbed.push_str(DROPPED);
                at += said;
                before = text.get(..at).and_then(|done| done.chars().next_back());
                continue;
            }
            scrubbed.push_str(&replacement);
            at += length;
            before = text.get(..at).and_then(|done| done.chars().next_back());
            // A zone behind an address is an interface of this machine.
            if let Some((_, ip)) = seen
                && ip.is_ipv6()
                && let Some(zone) = text.get(at..).and_then(zone)
            {
                scrubbed.push('%');
                scrubbed.push_str(&names.interface(zone));
                at += 1 + zone.len();
                before = zone.chars().next_back();
            }
        }
        scrubbed
    }

    /// How long the name is that begins here and ends with one of the known ones: `other.corp.example` of `corp.example`.
    fn below(&self, lower: &str, at: usize, before: Option<char>) -> Option<usize> {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '*');
        if before.is_some_and(part) {
            return None;
        }
        let rest = lower.get(at..)?;
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let run = rest.get(..end.min(LONGEST_NAME))?.trim_end_matches('.');
        let known = |(dot, _): (usize, &str)| {
            run.get(dot + 1..)
                .is_some_and(|end| self.domains.contains(end))
        };
        run.match_indices('.').any(known).then_some(run.len())
    }

    /// The longest form that begins here.
    fn form_at(&self, lower: &str, at: usize, before: Option<char>) -> Option<(usize, &Form)> {
        let rest = lower.get(at..)?;
        let key = start(rest);
        [key, [key[0], 0]]
            .iter()
            .filter_map(|key| self.lengths.get(key))
            .flatten()
            .find_map(|length| {
                let form = self.forms.get(rest.get(..*length)?)?;
                let after = rest.get(*length..).and_then(|rest| rest.chars().next());
                (form.edge.admits(before) && form.edge.admits(after)).then_some((*length, form))
            })
    }
}

/// The text in small letters, each at the place where it was: what would get longer or shorter stays.
fn folded(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut small = c.to_lowercase();
            match (small.next(), small.next()) {
                (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
                _ => c,
            }
        })
        .collect()
}

/// The first two bytes; zero where there is no second.
fn start(text: &str) -> [u8; 2] {
    let mut bytes = text.bytes();
    [bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)]
}

/// All addresses in a text.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = IpAddr> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let before = text.get(..at).and_then(|done| done.chars().next_back());
            let found = text.get(at..).and_then(|rest| address_at(rest, before));
            at += found.map_or(c.len_utf8(), |(length, _)| length);
            if let Some((_, ip)) = found {
                return Some(ip);
            }
        }
        None
    })
}

/// The longest address that a text begins with, and its length; none in the middle of a word or a number.
fn address_at(text: &str, before: Option<char>) -> Option<(usize, IpAddr)> {
    if !text.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':')
        || before.is_some_and(|c| c.is_alphanumeric() || c == ':' || c == '_')
    {
        return None;
    }
    let part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let run = text.find(|c| !part(c)).unwrap_or(text.len());
    let run = run.min(LONGEST_ADDRESS);
    (2..=run).rev().find_map(|length| {
        let after = text.get(length..)?.chars().next();
        // In the middle of a longer number it is another one.
        let whole = !after.is_some_and(char::is_alphanumeric);
        let ip = text.get(..length)?.parse().ok()?;
        whole.then_some((length, ip))
    })
}

/// What stands for an address in a text: as a prefix where it is one.
fn spoken(rest: &str, length: usize, ip: IpAddr, addresses: &Addresses) -> String {
    let behind = rest.get(length..).unwrap_or_default();
    let digits: String = behind
        .strip_prefix('/')
        .into_iter()
        .flat_map(str::chars)
        .take_while(char::is_ascii_digit)
        .take(4)
        .collect();
    match ipnet::IpNet::new(ip, digits.parse().unwrap_or(u8::MAX)) {
        Ok(prefix) => addresses.prefix(prefix).addr().to_string(),
        Err(_) => addresses.mapped(ip).to_string(),
    }
}

/// The zone that a text begins with.
fn zone(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('%')?;
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@')))
        .unwrap_or(rest.len());
    rest.get(..end)
        .map(|zone| zone.trim_end_matches('.'))
        .filter(|zone| !zone.is_empty())
}

/// How far the words of a comment go, where a text begins with one.
fn quoted_comment(text: &str, before: Option<char>) -> Option<usize> {
    let said = text
        .strip_prefix("comment \"")
        .filter(|_| Edge::Word.admits(before))?;
    let end = said.find('"').unwrap_or(said.len());
    Some("comment \"".len() + end)
}
