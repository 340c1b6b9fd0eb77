//! Reads `nft -a --debug=netlink list ruleset`: the words of each rule by its handle, and what neither they nor the JSON tell.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::form::Family;

/// A rule by family, table, chain and handle.
type At = (Family, String, String, u64);

/// What the text tells.
#[derive(Debug, Default)]
pub(super) struct Listing {
    words: BTreeMap<At, String>,
    families: BTreeMap<At, Vec<Family>>,
    devices: BTreeMap<(Family, String, String), Vec<String>>,
    tables: BTreeSet<(Family, String)>,
    dormant: BTreeSet<(Family, String)>,
}

impl Listing {
    /// A rule in words.
    pub(super) fn words(
        &self,
        family: Family,
        table: &str,
        chain: &str,
        handle: u64,
    ) -> Option<&str> {
        let at = (family, table.to_owned(), chain.to_owned(), handle);
        self.words.get(&at).map(String::as_str)
    }

    /// For packets of which families a rule is, as the kernel has it: nft leaves some of that unsaid, before `reject with tcp reset` for one.
    /// None where that is not told.
    pub(super) fn families(
        &self,
        family: Family,
        table: &str,
        chain: &str,
        handle: u64,
    ) -> Option<&[Family]> {
        let at = (family, table.to_owned(), chain.to_owned(), handle);
        self.families.get(&at).map(Vec::as_slice)
    }

    /// The devices of an ingress or egress chain.
    pub(super) fn devices(&self, family: Family, table: &str, chain: &str) -> Option<Vec<String>> {
        let at = (family, table.to_owned(), chain.to_owned());
        self.devices.get(&at).cloned()
    }

    /// Whether a table is dormant; none where the text does not have it.
    pub(super) fn dormant(&self, family: Family, table: &str) -> Option<bool> {
        let at = (family, table.to_owned());
        self.tables
            .contains(&at)
            .then(|| self.dormant.contains(&at))
    }
}

/// Reads the text. Lines that are none of these are passed over.
pub(super) fn read(text: &str) -> Listing {
    let mut listing = Listing::default();
    let mut table: Option<(Family, String)> = None;
    let mut chain: Option<String> = None;
    let mut code: Option<At> = None;
    let mut loaded: Option<&str> = None;
    for line in text.lines() {
        if let Some(at) = rule_of_code(line) {
            listing.families.insert(at.clone(), Vec::new());
            code = Some(at);
            continue;
        }
        let line = line.trim();
        if let (Some(at), true) = (&code, line.starts_with("[ ")) {
            if let Some(family) = family_compared(line, loaded) {
                listing.families.entry(at.clone()).or_default().push(family);
            }
            loaded = family_loaded(line);
            continue;
        }
        let (words, handle) = split_handle(line);
        if let Some(header) = words.strip_prefix("table ").and_then(opened) {
            let mut parts = header.split_whitespace();
            let family = parts.next().and_then(Family::named);
            table = family.zip(parts.next().map(ToOwned::to_owned));
            listing.tables.extend(table.clone());
            chain = None;
            continue;
        }
        let Some((family, name)) = &table else {
            continue;
        };
        if let Some(header) = words.strip_prefix("chain ").and_then(opened) {
            chain = Some(header.to_owned());
        } else if words == "}" {
            if chain.take().is_none() {
                // The end of a set, a map, an object or the table itself: the next header tells which.
            }
        } else if let Some(chain) = &chain {
            if let Some(handle) = handle {
                let at = (*family, name.clone(), chain.clone(), handle);
                listing.words.insert(at, words.to_owned());
            } else if words.starts_with("type ") && words.contains(" hook ") {
                let at = (*family, name.clone(), chain.clone());
                let devices = devices(words);
                if !devices.is_empty() {
                    listing.devices.insert(at, devices);
                }
            }
        } else if words.strip_prefix("flags ").is_some_and(|flags| {
            flags
                .trim_end_matches(';')
                .split([',', ' '])
                .any(|flag| flag == "dormant")
        }) {
            listing.dormant.insert((*family, name.clone()));
        }
    }
    listing
}

/// `FAMILY TABLE CHAIN HANDLE [POSITION]`: the kernel's own code of a rule follows.
fn rule_of_code(line: &str) -> Option<At> {
    let words: Vec<&str> = line.split(' ').collect();
    let ([family, table, chain, handle] | [family, table, chain, handle, _]) = words.as_slice()
    else {
        return None;
    };
    let handle = handle.parse().ok()?;
    Some((
        Family::named(family)?,
        (*table).to_owned(),
        (*chain).to_owned(),
        handle,
    ))
}

/// `[ meta load nfproto => reg 1 ]`: the register.
fn family_loaded(line: &str) -> Option<&str> {
    let after = line
        .strip_prefix("[ meta load nfproto => reg ")
        .or_else(|| line.strip_prefix("[ meta load protocol => reg "))?;
    after.strip_suffix(" ]")
}

/// `[ cmp eq reg 1 0x00000002 ]`: the family, by its number or its EtherType, in whichever order of bytes.
fn family_compared(line: &str, register: Option<&str>) -> Option<Family> {
    let after = line
        .strip_prefix("[ cmp eq reg ")?
        .strip_prefix(register?)?;
    match after
        .strip_prefix(" 0x")?
        .strip_suffix(" ]")?
        .trim_start_matches('0')
    {
        "2" | "8" | "800" | "8000000" | "2000000" => Some(Family::Ip),
        "a" | "dd86" | "86dd" | "dd860000" | "a000000" | "86dd0000" => Some(Family::Ip6),
        _ => None,
    }
}

/// What stands before the brace that opens a block.
fn opened(header: &str) -> Option<&str> {
    header.strip_suffix('{').map(str::trim)
}

/// A line and the handle at its end.
fn split_handle(line: &str) -> (&str, Option<u64>) {
    match line.rsplit_once(" # handle ") {
        Some((words, handle)) => (words, handle.trim().parse().ok()),
        None => (line, None),
    }
}

/// The names in quotes after `device` or `devices`.
fn devices(words: &str) -> Vec<String> {
    let Some((_, after)) = words.split_once(" device") else {
        return Vec::new();
    };
    let before = after.split(" priority ").next().unwrap_or_default();
    before
        .split('"')
        .skip(1)
        .step_by(2)
        .map(ToOwned::to_owned)
        .collect()
}
