//! Names: label by label, so that a name that another begins or ends with still does.

use std::hash::{BuildHasher as _, RandomState};

use super::DROPPED;
use super::address::Addresses;
use super::forms;

/// Files that are at the same place on every machine.
const EVERYWHERE: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/run/systemd/resolve/resolv.conf",
    "/run/systemd/resolve/stub-resolv.conf",
];

/// From names to their replacements.
pub(super) struct Names {
    key: RandomState,
}

/// Whether a record of this type has names and addresses in it, and numbers, and nothing else.
pub(super) fn holds_names(kind: &str) -> bool {
    matches!(
        kind,
        "A" | "AAAA" | "CNAME" | "DNAME" | "NS" | "PTR" | "MX" | "SRV" | "SOA"
    )
}

/// A URI with a host. `db.example:5432` is none, though it looks like one of the scheme `db.example`.
pub(super) fn uri(text: &str) -> Option<url::Url> {
    let uri = url::Url::parse(text).ok()?;
    uri.has_authority().then_some(uri)
}

/// Whether a path says nothing of this machine.
pub(super) fn is_of_every_machine(path: &str) -> bool {
    EVERYWHERE.contains(&path)
}

impl Names {
    pub(super) const fn new(key: RandomState) -> Self {
        Self { key }
    }

    /// The replacement of a name: `db.corp.example` → `x1c2f….x09ab….x77d0…`.
    pub(super) fn name(&self, name: &str, addresses: &Addresses) -> String {
        let bare = name.trim_end_matches('.');
        if let Some(ip) = forms::of_reversed(bare) {
            let end = name.get(bare.len()..).unwrap_or_default();
            return format!("{}{end}", forms::reversed(addresses.mapped(ip)));
        }
        let labels: Vec<String> = name.split('.').map(|label| self.label(label)).collect();
        labels.join(".")
    }

    fn label(&self, label: &str) -> String {
        let lower = label.to_lowercase();
        if matches!(lower.as_str(), "" | "localhost" | "*") {
            return label.to_owned();
        }
        let ascii = idna::domain_to_ascii(&lower).unwrap_or(lower);
        format!("x{:010x}", self.hashed("label", &ascii) & 0xff_ffff_ffff)
    }

    /// The replacement of an interface's name; short enough to be one (IFNAMSIZ).
    pub(super) fn interface(&self, name: &str) -> String {
        if name == "lo" {
            return name.to_owned();
        }
        format!("if{:08x}", self.hashed("interface", name) & 0xffff_ffff)
    }

    /// The replacement of a link-layer address: locally administered, of one station.
    pub(super) fn link(&self, text: &str) -> String {
        let Some(bytes) = forms::link(text) else {
            return DROPPED.to_owned();
        };
        if bytes == [0; 6] || bytes == [0xff; 6] {
            return text.to_owned();
        }
        let hashed = self.hashed("link", &forms::link_text(bytes, ":"));
        let [_, _, rest @ ..] = hashed.to_be_bytes();
        let mut now = rest;
        now[0] = 2;
        forms::link_text(now, ":")
    }

    /// The replacement of a URI: scheme and port stay; what is behind the host is one word, or nothing where there was nothing.
    pub(super) fn uri(&self, text: &str, addresses: &Addresses) -> String {
        let Some(uri) = uri(text) else {
            return DROPPED.to_owned();
        };
        let host = match uri.host() {
            Some(url::Host::Domain(name)) => self.name(name, addresses),
            Some(url::Host::Ipv4(ip)) => addresses.mapped(ip.into()).to_string(),
            Some(url::Host::Ipv6(ip)) => format!("[{}]", addresses.mapped(ip.into())),
            None => DROPPED.to_owned(),
        };
        let port = uri
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        let behind = match (uri.path(), uri.query()) {
            ("" | "/", None) => uri.path().to_owned(),
            (path, query) => {
                let whole = format!("{path}?{}", query.unwrap_or_default());
                format!("/x{:010x}", self.hashed("path", &whole) & 0xff_ffff_ffff)
            }
        };
        format!("{}://{host}{port}{behind}", uri.scheme())
    }

    fn hashed(&self, kind: &str, text: &str) -> u64 {
        self.key.hash_one((kind, text))
    }
}
