//! Where the check was made from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::{Family, Options};
use super::proxy::ProxyEnvironment;
use super::split::ResolverLink;
use super::{Address, Endpoint, Ms};

/// From where the connection was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Vantage {
    /// This machine.
    #[default]
    Local,
}

/// What this process may do beyond an ordinary one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Privilege {
    /// It ran as the superuser.
    Root,
    /// Raw sockets.
    CapNetRaw,
    /// Network administration: firewall rules can be read.
    CapNetAdmin,
    /// ICMP echo sockets are allowed (`net.ipv4.ping_group_range`).
    PingSocket,
}

/// The machine that the check ran on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Source {
    /// Its host name.
    pub host: Option<String>,
    /// The operating system, by its own pretty name.
    pub os: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// The kind of container it is in; null outside of one.
    pub container: Option<String>,
    /// From where it was looked.
    pub vantage: Vantage,
    /// The source address that the kernel chose for the first address checked.
    pub address: Option<Address>,
    /// The interface that the kernel chose for it.
    pub interface: Option<String>,
    /// What the process may do.
    pub privileges: Vec<Privilege>,
    /// The proxies that the environment names, without credentials; null where the target is no URI.
    pub proxies: Option<ProxyEnvironment>,
    /// The resolver's configuration.
    pub resolver: Option<ResolverConfig>,
}

/// By what the system's resolver is asked, as applications ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AskedBy {
    /// The C library that applications share.
    Getaddrinfo,
    /// The program `getent`: this one is linked statically, and has a C library of its own.
    Getent,
}

/// The configuration of the system's resolver, as read (resolv.conf(5), nsswitch.conf(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ResolverConfig {
    /// By what the system's resolver is asked; null where that is not known.
    pub asked_by: Option<AskedBy>,
    /// The file it was read from; null where there is none.
    pub file: Option<String>,
    /// The name servers, in order; at most the three that the system's resolver uses.
    pub servers: Vec<Endpoint>,
    /// The search list.
    pub search: Vec<String>,
    /// How many dots make a name absolute at first try.
    pub ndots: u8,
    /// How long one server is waited for.
    pub timeout_ms: Ms,
    /// How many rounds over the servers.
    pub attempts: u8,
    /// Whether the servers are rotated.
    pub rotate: bool,
    /// All options, as written.
    pub options: Vec<String>,
    /// The `hosts` line of nsswitch.conf, its words; empty where there is none.
    pub nsswitch: Vec<String>,
    /// Where the configured server is the stub of systemd-resolved: the servers of all links that it asks in its turn.
    pub upstream: Vec<Endpoint>,
    /// What systemd-resolved knows of each link, where its stub is configured; `nwcheck dns` alone asks it.
    pub links: Vec<ResolverLink>,
    /// The precedences of gai.conf(5), a prefix and a number each, which replace the order of RFC 6724; empty where there are none.
    pub precedence: Vec<String>,
}

impl ResolverConfig {
    /// The families that applications ask name servers for: with `no-aaaa` (resolv.conf(5), glibc 2.36) IPv4 alone. What was asked of
    /// servers that the user named is the user's own.
    pub fn family(&self, options: &Options) -> Family {
        let without = self.options.iter().any(|option| option == "no-aaaa");
        match options.family {
            Family::Any if without && options.servers.is_empty() => Family::Ipv4,
            family => family,
        }
    }
}

impl Default for ResolverConfig {
    /// What glibc does without a file: the server on this machine, five seconds, two attempts (resolv.conf(5)).
    fn default() -> Self {
        Self {
            asked_by: None,
            file: None,
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout_ms: Ms::from_millis(5000),
            attempts: 2,
            rotate: false,
            options: Vec::new(),
            nsswitch: Vec::new(),
            upstream: Vec::new(),
            links: Vec::new(),
            precedence: Vec::new(),
        }
    }
}
