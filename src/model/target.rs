//! What is checked: one target as it was typed, and what it means.

mod parse;
mod scheme;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machine::Wanted;
use super::{Address, Operation};

pub use parse::{Invalid, without_secrets};

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// An address.
    Ip,
    /// A name.
    Fqdn,
    /// A URI.
    Uri,
    /// A virtual machine by its name.
    Vm,
}

/// What is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Protocol {
    /// That a TCP connection opens.
    Tcp,
    /// That it answers echo requests.
    Icmp,
    /// That it answers datagrams.
    Udp,
    /// That it answers an HTTP request.
    Http,
    /// That the name resolves.
    Dns,
    /// Where the path goes.
    Trace,
}

impl Protocol {
    /// The command that checks it.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Icmp => "icmp",
            Self::Udp => "udp",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Trace => "trace",
        }
    }

    /// With what it is probed: connections, echo requests or datagrams.
    pub const fn probe(self) -> Operation {
        match self {
            Self::Icmp => Operation::Echo,
            Self::Udp => Operation::Datagram,
            _ => Operation::Connect,
        }
    }

    /// As it is written in a sentence: `TCP`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Icmp => "ICMP",
            Self::Udp => "UDP",
            Self::Http => "HTTP",
            Self::Dns => "DNS",
            Self::Trace => "trace",
        }
    }
}

/// One target. What is secret in a URI (userinfo, the values of its query) is gone before this exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// As it was typed, without secrets.
    pub input: String,
    /// What was typed.
    pub kind: Kind,
    /// What is asked of it.
    pub protocol: Protocol,
    /// The name (in ASCII, IDN as punycode, lower case, without the final dot unless it was typed) or the address; of a virtual machine
    /// what was typed for it: its name, `PROVIDER/NAME`, or its full id.
    pub host: String,
    /// The port; null where the protocol has none.
    pub port: Option<u16>,
    /// The URI without its secrets, where one was typed.
    pub uri: Option<String>,
}

impl Target {
    /// The address, when the host is one and no name.
    pub fn address(&self) -> Option<Address> {
        self.host.parse().ok().filter(|_| self.kind != Kind::Vm)
    }

    /// The scheme of the URI, where one was typed.
    pub fn scheme(&self) -> Option<&str> {
        let (scheme, _) = self.uri.as_deref()?.split_once("://")?;
        Some(scheme)
    }

    /// Which machine is meant, when the target is one by its name.
    pub fn machine(&self) -> Option<Wanted> {
        (self.kind == Kind::Vm).then(|| Wanted::read(&self.host))
    }

    /// The short form for a heading: `db.example:5432`, `[2001:db8::1]:443`, `vm:web:22`, or the URI.
    pub fn label(&self) -> String {
        if let Some(uri) = &self.uri {
            return uri.clone();
        }
        match (self.kind, self.port) {
            (Kind::Vm, Some(port)) => format!("vm:{}:{port}", self.host),
            (Kind::Vm, None) => format!("vm:{}", self.host),
            (_, Some(port)) if self.host.contains(':') => format!("[{}]:{port}", self.host),
            (_, Some(port)) => format!("{}:{port}", self.host),
            (_, None) => self.host.clone(),
        }
    }
}
