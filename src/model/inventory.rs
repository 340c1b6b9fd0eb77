//! Inventories of hosts that the user keeps for Ansible: the INI form, and the JSON form that `ansible-inventory --list` writes of any other.
//!
//! Only the names of the hosts and `ansible_host` are kept: what else stands there may be secret, and no complaint repeats it.
//! Source: docs.ansible.com, "How to build your inventory", and the documentation of the plugin `ansible.builtin.ini`.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::machine::{Instance, MachineAddress};
use super::text::escape;
use super::{Address, Target};

/// So many hosts are read at most: ranges make many of one line.
const MOST_HOSTS: usize = 100_000;

/// The hosts of one inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    file: String,
    hosts: BTreeMap<String, Option<String>>,
}

/// Why a text is no inventory.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// A line can't be read.
    #[error("line {0}: {1}")]
    Line(usize, &'static str),
    /// The JSON can't be read.
    #[error("line {0} column {1}: it is not what `ansible-inventory --list` writes")]
    Json(usize, usize),
    /// It is in another form.
    #[error("{0}")]
    Form(&'static str),
}

impl Inventory {
    /// Reads an inventory. `file` is its name, as it is told.
    ///
    /// # Errors
    /// The text is no inventory, or in a form that is not read.
    pub fn read(file: &str, text: &str) -> Result<Self, Fault> {
        let is_named = |ends: &[&str]| {
            let lower = file.to_lowercase();
            ends.iter().any(|end| lower.ends_with(end))
        };
        let first = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with(['#', ';']))
            .unwrap_or_default();
        if text.starts_with("#!") {
            return Err(Fault::Form(
                "it is a program that writes an inventory, and is not run",
            ));
        }
        if is_named(&[".toml"]) {
            return Err(Fault::Form(
                "inventories in TOML are not read by this version",
            ));
        }
        if is_named(&[".yml", ".yaml"]) || first.starts_with("---") || first.ends_with(':') {
            return Err(Fault::Form(
                "inventories in YAML are not read by this version",
            ));
        }
        let hosts = if first.starts_with('{') {
            json(text)?
        } else {
            ini(text)?
        };
        if hosts.is_empty() {
            return Err(Fault::Form("it holds no host"));
        }
        Ok(Self {
            file: file.to_owned(),
            hosts,
        })
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<Instance> {
        let (name, at) = self.hosts.get_key_value(name)?;
        let mut instance = Instance::named(name);
        instance.place = Some(self.file.clone());
        // Without `ansible_host` Ansible connects to the name itself.
        let at = at.as_deref().unwrap_or(name);
        if let Ok(address) = at.trim_matches(['[', ']']).parse::<Address>() {
            instance.addresses = vec![MachineAddress::new(address, None)];
        } else if at.contains("{{") {
            instance.note = Some("its ansible_host is a template".to_owned());
        } else if let Ok(name) = Target::parse_name(at) {
            instance.host_name = Some(name);
        } else {
            instance.note = Some(format!(
                "its ansible_host `{}` is neither an address nor a name",
                escape(at)
            ));
        }
        Some(instance)
    }
}

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Other,
}

fn ini(text: &str) -> Result<BTreeMap<String, Option<String>>, Fault> {
    let mut hosts = BTreeMap::new();
    let mut section = Section::Hosts;
    for (number, line) in text.lines().enumerate() {
        let fault = |what| Fault::Line(number + 1, what);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[')
            && let Some((name, after)) = rest.split_once(']')
            && (after.trim().is_empty() || after.trim_start().starts_with('#'))
        {
            section = match name.rsplit_once(':') {
                None => Section::Hosts,
                Some((_, "vars" | "children")) => Section::Other,
                Some(_) => return Err(fault("its section is neither hosts, vars nor children")),
            };
            continue;
        }
        if section == Section::Other {
            continue;
        }
        let words = words(line).ok_or_else(|| fault("a quotation mark is not closed"))?;
        let Some((pattern, variables)) = words.split_first() else {
            continue;
        };
        let mut at = None;
        for variable in variables {
            let (key, value) = variable
                .split_once('=')
                .ok_or_else(|| fault("after the host only key=value may follow"))?;
            if key == "ansible_host" || key == "ansible_ssh_host" {
                at = Some(value.to_owned());
            }
        }
        for name in expanded(pattern).ok_or_else(|| fault("its host or range can't be read"))? {
            let known: &mut Option<String> = hosts.entry(name).or_default();
            *known = at.clone().or(known.take());
        }
        if hosts.len() > MOST_HOSTS {
            return Err(fault("more than 100000 hosts are not read"));
        }
    }
    Ok(hosts)
}

/// The words of a line as a shell takes them apart; a `#` that begins a word begins a comment. None where a quotation is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(end)) if c == end => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(characters.next()?),
            (c @ ('\'' | '"'), None) => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            ('#', None) if word.is_none() => break,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// The hosts of a pattern: `web`, `web:2222`, `web[01:03].example`, `db-[a:c]`, `[2001:db8::1]:22`. None where it can't be read.
fn expanded(pattern: &str) -> Option<Vec<String>> {
    if let Some((address, _)) = pattern
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        && address.parse::<Address>().is_ok()
    {
        return Some(vec![address.to_owned()]);
    }
    let Some((before, rest)) = pattern.split_once('[') else {
        // An IPv6 address has colons of its own.
        let host = match pattern.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => {
                port.parse::<u16>().ok()?;
                host
            }
            _ => pattern,
        };
        return Some(vec![host.to_owned()]);
    };
    let (range, after) = rest.split_once(']')?;
    let mut parts = range.split(':');
    let (first, last) = (parts.next()?, parts.next()?);
    let step = parts
        .next()
        .map_or(Some(1), |step| step.parse::<usize>().ok())?;
    if parts.next().is_some() || step == 0 {
        return None;
    }
    let members: Vec<String> = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(from), Ok(to)) if to >= from && (to - from) / step < MOST_HOSTS => {
            let width = if first.starts_with('0') {
                first.len()
            } else {
                0
            };
            (from..=to)
                .step_by(step)
                .map(|n| format!("{n:0width$}"))
                .collect()
        }
        (Err(_), Err(_)) => {
            let one = |text: &str| {
                let mut characters = text.chars();
                characters
                    .next()
                    .filter(|c| c.is_ascii_alphabetic() && characters.next().is_none())
            };
            (one(first)?..=one(last)?)
                .step_by(step)
                .map(String::from)
                .collect()
        }
        _ => return None,
    };
    let rest = expanded(after)
        .filter(|_| !after.is_empty())
        .unwrap_or(vec![String::new()]);
    if members.len().saturating_mul(rest.len()) > MOST_HOSTS {
        return None;
    }
    let join = |member: &String| -> Vec<String> {
        rest.iter()
            .map(|rest| format!("{before}{member}{rest}"))
            .collect()
    };
    Some(members.iter().flat_map(join).collect())
}

/// What `ansible-inventory --list` writes.
#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "_meta", default)]
    meta: Meta,
    #[serde(flatten)]
    groups: BTreeMap<String, Group>,
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(default)]
    hostvars: BTreeMap<String, Variables>,
}

#[derive(Deserialize)]
struct Variables {
    ansible_host: Option<String>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    hosts: Vec<String>,
}

fn json(text: &str) -> Result<BTreeMap<String, Option<String>>, Fault> {
    let listing: Listing =
        serde_json::from_str(text).map_err(|error| Fault::Json(error.line(), error.column()))?;
    let mut hosts: BTreeMap<String, Option<String>> = BTreeMap::new();
    for group in listing.groups.into_values() {
        hosts.extend(group.hosts.into_iter().map(|host| (host, None)));
    }
    for (host, variables) in listing.meta.hostvars {
        hosts.insert(host, variables.ansible_host);
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INI: &str = "\
# the lab
gw ansible_host=192.0.2.1   # the way out
bare.example:2222
[web]
web[01:03].example ansible_user=me ansible_password='s3 cret#'
web2 ansible_host=\"db1.example\"
[2001:db8::7]:22
v6 ansible_host=2001:db8::8
template ansible_host={{ other }}
[db:vars]
ansible_host=198.51.100.9
[all:children]
web
";

    fn of(inventory: &Inventory, name: &str) -> Option<(Vec<String>, Option<String>)> {
        let host = inventory.host(name)?;
        let addresses = host
            .addresses
            .iter()
            .map(|a| a.address.to_string())
            .collect();
        Some((addresses, host.host_name))
    }

    #[test]
    fn hosts_ranges_and_ansible_host_are_read_and_nothing_else_is() {
        let inventory = Inventory::read(
            "hosts.ini",
            INI.replace("{{ other }}", "{{other}}").as_str(),
        );
        let inventory = inventory.unwrap();
        let at = |address: &str| Some((vec![address.to_owned()], None));
        let name = |name: &str| Some((Vec::new(), Some(name.to_owned())));
        assert_eq!(of(&inventory, "gw"), at("192.0.2.1"));
        assert_eq!(of(&inventory, "bare.example"), name("bare.example"));
        assert_eq!(of(&inventory, "web02.example"), name("web02.example"));
        assert_eq!(of(&inventory, "web2"), name("db1.example"));
        assert_eq!(of(&inventory, "2001:db8::7"), at("2001:db8::7"));
        assert_eq!(of(&inventory, "v6"), at("2001:db8::8"));
        assert_eq!(of(&inventory, "web04.example"), None);
        assert_eq!(of(&inventory, "web"), None);
        let note = inventory.host("template").unwrap().note.unwrap();
        assert!(note.contains("template"), "{note}");
        assert!(!format!("{inventory:?}").contains("s3 cret"));
    }

    #[test]
    fn what_ansible_inventory_lists_is_read() {
        let text = r#"{"_meta": {"hostvars": {"web": {"ansible_host": "192.0.2.7", "ansible_password": "secret"}}},
            "all": {"children": ["ungrouped", "lab"]}, "lab": {"hosts": ["web", "db.example"]}}"#;
        let inventory = Inventory::read("hosts.json", text).unwrap();
        assert_eq!(of(&inventory, "web").unwrap().0, ["192.0.2.7"]);
        assert_eq!(
            of(&inventory, "db.example").unwrap().1.unwrap(),
            "db.example"
        );
        assert!(!format!("{inventory:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_inventory_is_told_without_repeating_it() {
        let cases = [
            ("a.yml", "all:\n  hosts:\n", "YAML"),
            ("hosts", "---\nall:\n", "YAML"),
            ("hosts", "all:\n  hosts:\n", "YAML"),
            ("a.toml", "a = 1\n", "TOML"),
            ("hosts", "#!/bin/sh\n", "program"),
            ("hosts", "# nothing\n", "no host"),
            ("hosts", "web\nweb2 secret\n", "line 2: after the host"),
            ("hosts", "web a='secret\n", "line 1: a quotation"),
            ("hosts", "[web:secret]\n", "line 1: its section"),
            ("hosts", "web[3:1]\n", "line 1: its host or range"),
            ("hosts", "web[0:99999999999]\n", "line 1: its host or range"),
            ("hosts", "w[0:9999][0:9999]\n", "line 1: its host or range"),
            (
                "hosts.json",
                "{\"_meta\": 3}",
                "line 1 column 11: it is not what",
            ),
        ];
        for (file, text, said) in cases {
            let fault = Inventory::read(file, text).unwrap_err().to_string();
            assert!(fault.contains(said), "{text:?}: {fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\PC|[\\n\\[\\]:='\"{}]){0,200}") {
            if let Ok(inventory) = Inventory::read("hosts", &text) {
                for name in inventory.hosts.keys() {
                    prop_assert!(inventory.host(name).is_some());
                }
            }
        }
    }
}
