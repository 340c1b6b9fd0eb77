//! The proxies that applications take from the environment, and which of them they would take for one URI.
//!
//! There is no standard: each program has its own reading of `http_proxy`, `HTTPS_PROXY`, `ALL_PROXY` and above all of `NO_PROXY`. Three
//! that many others follow are told here, by their documentation and source: curl (curl(1), `lib/noproxy.c`), Go
//! (`golang.org/x/net/http/httpproxy`) and Python's requests (`requests/utils.py`, `urllib/request.py`).

use std::net::IpAddr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The variables that name a proxy.
const PROXIES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];
/// The variables that name exceptions.
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// So many exceptions of a variable are kept, each of at most so many bytes.
const MOST: usize = 256;
const LONGEST: usize = 255;

/// What the environment says of proxies. Credentials are gone before this exists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ProxyEnvironment {
    /// The variables that name a proxy, those that are set.
    pub proxies: Vec<ProxyVariable>,
    /// The variables that name hosts to be reached without one.
    pub exceptions: Vec<ProxyExceptions>,
}

/// A variable that names a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyVariable {
    /// Its name: `https_proxy`.
    pub name: String,
    /// Scheme, host and port of the proxy; null where the value is not of that form. Never userinfo.
    pub uri: Option<String>,
}

/// A variable that names hosts to be reached without a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyExceptions {
    /// Its name: `NO_PROXY`.
    pub name: String,
    /// Its entries.
    pub entries: Vec<ProxyException>,
}

/// One entry of such a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyException {
    /// A name, with a dot or `*.` before it perhaps, an address, a prefix, or `*`.
    pub host: String,
    /// The port that it is limited to.
    pub port: Option<u16>,
}

/// A program whose reading of the variables others follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// curl, and what uses libcurl.
    Curl,
    /// Programs written in Go.
    Go,
    /// Python's requests.
    Requests,
}

/// What a program does with one URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way<'a> {
    /// Through the proxy that this variable names.
    Through(&'a ProxyVariable),
    /// Direct, for this entry of that variable.
    Except(&'a str, &'a ProxyException),
    /// Direct: this program reads none of the variables that are set, for this URI.
    Unread,
    /// Direct: it never uses a proxy for this machine itself.
    ThisMachine,
}

impl ProxyEnvironment {
    /// Reads the variables, of which `value` gives the text. Those that are empty are as good as not set.
    pub fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| value(name).filter(|text| !text.trim().is_empty());
        Self {
            proxies: PROXIES
                .iter()
                .filter_map(|name| {
                    Some(ProxyVariable {
                        name: (*name).to_owned(),
                        uri: without_secrets(&set(name)?),
                    })
                })
                .collect(),
            exceptions: EXCEPTIONS
                .iter()
                .filter_map(|name| {
                    let text = set(name)?;
                    let entries = text.split(',').map(str::trim);
                    let sound = |entry: &&str| {
                        !entry.is_empty() && entry.len() <= LONGEST && !entry.contains('@')
                    };
                    Some(ProxyExceptions {
                        name: (*name).to_owned(),
                        entries: entries.filter(sound).take(MOST).map(exception).collect(),
                    })
                })
                .collect(),
        }
    }

    /// What a program does with a URI of this scheme (`http`, `https`), host and port.
    pub fn way(&self, client: Client, scheme: &str, host: &str, port: u16) -> Way<'_> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let ip: Option<IpAddr> = host.parse().ok();
        let this_machine = host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        if client == Client::Go && this_machine {
            return Way::ThisMachine;
        }
        let Some(variable) = client
            .variables(scheme)
            .iter()
            .find_map(|name| self.proxies.iter().find(|known| known.name == *name))
        else {
            return Way::Unread;
        };
        let names = match client {
            Client::Go => ["NO_PROXY", "no_proxy"],
            Client::Curl | Client::Requests => ["no_proxy", "NO_PROXY"],
        };
        let exceptions = names
            .iter()
            .find_map(|name| self.exceptions.iter().find(|known| known.name == *name));
        let to = To {
            host: &host,
            ip,
            port,
            usual: port == if scheme == "https" { 443 } else { 80 },
        };
        let alone = exceptions.is_some_and(|known| known.entries.len() == 1);
        let matching = exceptions.and_then(|known| {
            let mut entries = known.entries.iter();
            let entry = entries.find(|entry| match entry.host.as_str() {
                // Others than Go take the star only when it stands alone.
                "*" => client == Client::Go || alone,
                _ => match client {
                    Client::Curl => to.curl(entry),
                    Client::Go => to.go(entry),
                    Client::Requests => to.requests(entry),
                },
            });
            entry.map(|entry| (known.name.as_str(), entry))
        });
        match matching {
            Some((name, entry)) => Way::Except(name, entry),
            None => Way::Through(variable),
        }
    }
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Curl, Self::Go, Self::Requests];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Go => "Go",
            Self::Requests => "Python (requests)",
        }
    }

    /// The variables that it reads for a scheme, the first that is set counts.
    fn variables(self, scheme: &str) -> &'static [&'static str] {
        match (self, scheme == "http") {
            // Not the upper case: a web server gives its programs the header `Proxy` of a request as HTTP_PROXY.
            (Self::Curl, true) => &["http_proxy", "all_proxy", "ALL_PROXY"],
            (Self::Requests, true) => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
            (Self::Curl | Self::Requests, false) => {
                &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
            }
            (Self::Go, true) => &["HTTP_PROXY", "http_proxy"],
            (Self::Go, false) => &["HTTPS_PROXY", "https_proxy"],
        }
    }
}

/// To where a program wants.
struct To<'a> {
    host: &'a str,
    ip: Option<IpAddr>,
    port: u16,
    /// Whether the port is the scheme's, and stands in no URI.
    usual: bool,
}

impl To<'_> {
    fn curl(&self, entry: &ProxyException) -> bool {
        entry.port.is_none()
            && entry.host.split_whitespace().any(|host| {
                self.in_prefix(host)
                    || self.below(host.strip_prefix('.').unwrap_or(host), Own::Counts)
            })
    }

    fn go(&self, entry: &ProxyException) -> bool {
        if entry.port.is_some_and(|port| port != self.port) {
            return false;
        }
        let host = entry.host.strip_prefix('*').unwrap_or(&entry.host);
        self.in_prefix(&entry.host)
            || match host.strip_prefix('.') {
                Some(name) => self.below(name, Own::Not),
                None => self.below(host, Own::Counts),
            }
    }

    fn requests(&self, entry: &ProxyException) -> bool {
        let host: String = entry.host.split_whitespace().collect();
        let lower = host.to_ascii_lowercase();
        // An end of the name is enough, wherever it begins; the port counts where it stands in the URI.
        let ends = match entry.port {
            Some(port) => !self.usual && port == self.port && self.host.ends_with(&lower),
            None => self.host.ends_with(&lower),
        };
        let name = entry.port.is_none() && self.below(lower.trim_start_matches('.'), Own::Counts);
        let v4 = self.ip.is_some_and(|ip| ip.is_ipv4());
        (v4 && entry.port.is_none() && self.in_prefix(&host)) || (!v4 && ends) || name
    }

    /// Whether the host is this name, or one below it.
    fn below(&self, name: &str, own: Own) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let (Some(ip), Ok(named)) = (self.ip, name.parse::<IpAddr>()) {
            return ip == named;
        }
        let before = self.host.strip_suffix(name.as_str());
        !name.is_empty()
            && before.is_some_and(|before| match before {
                "" => own == Own::Counts,
                before => before.ends_with('.'),
            })
    }

    fn in_prefix(&self, text: &str) -> bool {
        let prefix = text.parse::<IpNet>().ok();
        self.ip
            .zip(prefix)
            .is_some_and(|(ip, prefix)| prefix.contains(&ip))
    }
}

/// Whether a name is an exception itself, or only those below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Counts,
    Not,
}

/// Scheme, host and port of a proxy; none for what is not of that form. What stands before the last `@` is never kept, whatever is in it.
fn without_secrets(text: &str) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let rest = rest.rsplit('@').next()?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (host, port) = v6.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (format!("[{host}]"), port.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (authority.to_owned(), None),
        },
    };
    let sound = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    let scheme_sound = !scheme.is_empty()
        && scheme.len() <= 16
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '+');
    if host.is_empty() || host.len() > LONGEST || !host.chars().all(sound) || !scheme_sound {
        return None;
    }
    let port = match port {
        None | Some("") => String::new(),
        Some(port) => format!(":{}", port.parse::<u16>().ok()?),
    };
    Some(format!("{}://{host}{port}", scheme.to_ascii_lowercase()))
}

fn exception(text: &str) -> ProxyException {
    let whole = || ProxyException {
        host: text.to_owned(),
        port: None,
    };
    let (host, port) = match text.strip_prefix('[') {
        Some(v6) => match v6.split_once(']') {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => return whole(),
        },
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => return whole(),
        },
    };
    match port.map(str::parse) {
        Some(Ok(port)) => ProxyException {
            host: host.to_owned(),
            port: Some(port),
        },
        Some(Err(_)) => whole(),
        None => ProxyException {
            host: host.to_owned(),
            port: None,
        },
    }
}

impl std::fmt::Display for ProxyException {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests;
