//! Where the resolver's configuration is read from, and who is asked as the system's resolver: this machine, or what a test puts there.

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::net::if_::if_indextoname;

use super::asking::Patience;
use super::{config, exchange};
use crate::model::options::Family;
use crate::model::source::{AskedBy, ResolverConfig};
use crate::model::text::escape;
use crate::model::{Address, Endpoint, Outcome};
use crate::net::getaddrinfo::{self, Failure, Kind, Wanted};
use crate::net::getent;

/// At most so many servers behind a stub are asked.
const MOST_UPSTREAM: usize = 8;
/// Larger files are read so far.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// What the system's resolver said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemAnswer {
    /// What it comes to.
    pub outcome: Outcome,
    /// The addresses, in its order.
    pub addresses: Vec<Address>,
    /// Its own words for a failure.
    pub error: Option<String>,
    /// The error of the operating system, by name.
    pub errno: Option<String>,
}

/// Asks the system's resolver for a name; may block for long. Where it can't be asked as applications ask it, says why.
pub(super) type System = Arc<dyn Fn(&str, Family) -> Result<SystemAnswer, String> + Send + Sync>;

/// Files, variables and the resolver of a machine.
#[derive(Clone)]
pub struct Environment {
    /// resolv.conf.
    pub resolv_conf: PathBuf,
    /// nsswitch.conf.
    pub nsswitch: PathBuf,
    /// The hosts file.
    pub hosts: PathBuf,
    /// Where systemd-resolved lists the servers of all links.
    pub upstream: PathBuf,
    /// Whether systemd-resolved is asked of its links.
    pub links: bool,
    /// gai.conf, the order of addresses.
    pub gai: PathBuf,
    /// The port of the configured servers: 53, but in a test.
    pub port: u16,
    /// The host's name, whose domain is searched where the configuration names none.
    pub host_name: Option<String>,
    /// The variable `LOCALDOMAIN`, which replaces the search list.
    pub local_domain: Option<String>,
    /// The variable `RES_OPTIONS`, which adds options.
    pub options: Option<String>,
    /// The system's resolver.
    pub system: System,
    /// How long servers are waited for.
    pub patience: Patience,
}

impl Environment {
    /// This machine.
    pub fn of_this_machine() -> Self {
        Self {
            resolv_conf: "/etc/resolv.conf".into(),
            nsswitch: "/etc/nsswitch.conf".into(),
            hosts: "/etc/hosts".into(),
            upstream: "/run/systemd/resolve/resolv.conf".into(),
            links: true,
            gai: "/etc/gai.conf".into(),
            port: config::PORT,
            host_name: read("/proc/sys/kernel/hostname".as_ref())
                .ok()
                .map(|name| name.trim().to_owned()),
            local_domain: std::env::var("LOCALDOMAIN").ok(),
            options: std::env::var("RES_OPTIONS").ok(),
            system: Arc::new(ask_system),
            patience: Patience::default(),
        }
    }

    /// The configuration of the resolver, as glibc would have it.
    pub(in crate::probe) fn config(&self) -> ResolverConfig {
        let file = self.resolv_conf.display().to_string();
        let mut config = read(&self.resolv_conf).map_or_else(
            |_| ResolverConfig::default(),
            |text| config::resolv_conf(&text, &file),
        );
        config.asked_by = Some(if STATIC {
            AskedBy::Getent
        } else {
            AskedBy::Getaddrinfo
        });
        for server in &mut config.servers {
            server.port = Some(self.port);
        }
        if let Some(domains) = &self.local_domain {
            config::set_search(&mut config, domains.split_ascii_whitespace());
        } else if config.search.is_empty() {
            let domain = self
                .host_name
                .as_deref()
                .and_then(|name| name.split_once('.'))
                .map(|(_, domain)| domain)
                .filter(|domain| !domain.is_empty());
            config::set_search(&mut config, domain);
        }
        if let Some(options) = &self.options {
            config::options(&mut config, options.split_ascii_whitespace());
        }
        config.nsswitch = read(&self.nsswitch)
            .map(|text| config::nsswitch_hosts(&text))
            .unwrap_or_default();
        if !config.servers.is_empty() && config.servers.iter().all(Endpoint::is_resolved_stub) {
            config.upstream = read(&self.upstream)
                .map(|text| config::upstream(&text, MOST_UPSTREAM))
                .unwrap_or_default();
            for server in &mut config.upstream {
                server.port = Some(self.port);
            }
        }
        config.precedence = read(&self.gai)
            .map(|text| config::precedences(&text))
            .unwrap_or_default();
        config
    }

    /// The text of the hosts file; a missing one is empty.
    pub(super) fn hosts(&self) -> io::Result<String> {
        match read(&self.hosts) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            other => other,
        }
    }
}

/// The text of a file, up to a bound; bytes that are no text are replaced.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST_FILE)
        .read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether this program has the C library in it: then its `getaddrinfo` is not that of the machine's applications.
const STATIC: bool = cfg!(target_feature = "crt-static");
/// How long the machine's `getent` is let run, which waits as an application does.
const GETENT_PATIENCE: Duration = Duration::from_secs(60);

/// The system's resolver as applications ask it: this program's own C library where it shares that with them, else through `getent`.
///
/// The C library in a static program is never asked: glibc's loads the modules that nsswitch.conf names from this machine, which are made
/// for another copy of it (glibc `nss/nss_module.c`).
fn ask_system(host: &str, family: Family) -> Result<SystemAnswer, String> {
    if STATIC {
        through_getent(family, getent::addresses(host, GETENT_PATIENCE))
    } else {
        Ok(through_library(host, family))
    }
}

/// What the machine's `getent` came to; where it can't be asked, why.
pub(super) fn through_getent(
    family: Family,
    came: io::Result<Vec<getent::Found>>,
) -> Result<SystemAnswer, String> {
    let found = came.map_err(|error| {
        format!(
            "nwcheck is linked statically here, and asks the system's resolver by getent, which can't be asked ({}): the hosts file and the \
             name servers are read in its place",
            escape(&error.to_string())
        )
    })?;
    let addresses: Vec<Address> = found
        .into_iter()
        .map(|found| match found.scope {
            Some(scope) => Address::scoped(found.ip, scope),
            None => Address::new(found.ip),
        })
        .filter(|address| family.admits(address))
        .collect();
    let none = addresses.is_empty();
    Ok(SystemAnswer {
        // Its exit status does not tell a name that is not there from one that could not be looked up.
        outcome: if none {
            Outcome::OtherError
        } else {
            Outcome::Ok
        },
        addresses,
        error: none.then(|| "`getent ahosts` gives no address, and does not say why".to_owned()),
        errno: None,
    })
}

fn through_library(host: &str, family: Family) -> SystemAnswer {
    let wanted = match family {
        Family::Any => Wanted::Any,
        Family::Ipv4 => Wanted::Ipv4,
        Family::Ipv6 => Wanted::Ipv6,
    };
    match getaddrinfo::lookup(host, wanted) {
        Ok(found) => SystemAnswer {
            outcome: Outcome::Ok,
            addresses: found.into_iter().map(address).collect(),
            error: None,
            errno: None,
        },
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> SystemAnswer {
    SystemAnswer {
        outcome: match failure.kind {
            Kind::NoName => Outcome::Nxdomain,
            Kind::NoData => Outcome::NoData,
            Kind::Again | Kind::Other => Outcome::OtherError,
        },
        addresses: Vec::new(),
        error: Some(format!("{}: {}", failure.name, failure.text)),
        errno: failure.errno.map(exchange::errno_name),
    }
}

/// An address with its scope by the interface's name.
fn address(found: SocketAddr) -> Address {
    match found {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            let zone = if_indextoname(v6.scope_id())
                .ok()
                .and_then(|name| name.into_string().ok())
                .unwrap_or_else(|| v6.scope_id().to_string());
            Address::scoped(found.ip(), zone)
        }
        _ => Address::new(found.ip()),
    }
}
