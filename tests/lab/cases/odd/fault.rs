//! What is broken, by whom, and where it has to be placed.

use std::net::IpAddr;

use serde_json::Value;

use super::net::Net;
use crate::{
    cases::{PORT, elsewhere, tcp, to_host},
    firewall::Hook,
    net::{Family, Route},
    run::Run,
};

/// A fault that any network can have. Distances count from 1.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Nothing listens on the port
    Closed,
    /// The host drops the port
    HostDrops,
    /// The host rejects the port with this
    HostRejects(&'static str),
    /// The host drops everything
    HostDead,
    /// That router drops the port
    Drops(usize),
    /// That router drops all that is for the host
    Swallows(usize),
    /// That router rejects the port with this: what follows nft's `reject with`
    Rejects(usize, &'static str),
    /// That router resets the port
    Resets(usize),
    /// No router has a route
    NoRoute,
    /// This machine drops what goes to the port
    LocalDrops,
    /// This machine has a route that says unreachable
    LocalUnreachable,
    /// What this network alone can have
    Own(&'static str, fn(&Net)),
}

/// Where the fault is, by the finding's hop and address.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// That router, at its distance
    Hop(usize),
    /// That router's address, and no distance
    By(usize),
    /// The target's address, whatever the distance
    Target,
    /// The target's address, and no distance
    TargetAlone,
    /// No distance, whatever the address
    NoHop,
    /// This address, whatever the distance
    Address(fn(&Net, Family) -> IpAddr),
    /// Anywhere: what can be told does not depend on it
    Anywhere,
}

impl Fault {
    /// Breaks the network.
    pub(super) fn apply(self, net: &Net) {
        let port = format!("tcp dport {PORT}");
        let families = || Family::BOTH.into_iter().filter(|family| net.has(*family));
        match self {
            Self::Closed | Self::NoRoute => {}
            Self::HostDrops => drop(net.server.drops(Hook::Input, &port)),
            Self::HostRejects(with) => {
                let verdict = format!("reject with {with}");
                net.server.firewall(Hook::Input, &port, &verdict);
            }
            Self::HostDead => {
                net.server.table(
                    "chain rules { type filter hook input priority filter; policy accept;
                        meta l4proto { tcp, udp, icmp } drop; icmpv6 type echo-request drop; }",
                );
            }
            Self::Drops(k) => drop(net.router(k).drops(Hook::Forward, &port)),
            Self::Swallows(k) => {
                for family in families() {
                    net.router(k)
                        .drops(Hook::Forward, &to_host(net.target(family)));
                }
            }
            Self::Rejects(k, with) => {
                let verdict = format!("reject with {with}");
                net.router(k).firewall(Hook::Forward, &port, &verdict);
            }
            Self::Resets(k) => drop(net.router(k).resets(Hook::Forward, &port)),
            Self::LocalDrops => drop(net.client.drops(Hook::Output, &port)),
            Self::LocalUnreachable => {
                for family in families() {
                    net.client
                        .add_route(&Route::unreachable(net.target(family)));
                }
            }
            Self::Own(_, break_it) => break_it(net),
        }
    }

    /// The check that has to find it.
    pub(super) fn check(self, net: &Net, family: Family) -> Run {
        let run = match self {
            Self::Closed => net.check(family, 444),
            Self::NoRoute => tcp(&net.client, elsewhere(family), PORT),
            _ => net.check(family, PORT),
        };
        run.arguments(net.arguments())
    }
}

impl Place {
    /// Whether a finding's hop and address are these.
    pub(super) fn holds(
        self,
        net: &Net,
        family: Family,
        hop: &Value,
        address: &Value,
    ) -> Result<(), String> {
        let is = |wanted: Option<IpAddr>| match wanted {
            Some(wanted) => *address == wanted.to_string(),
            None => address.is_null(),
        };
        let holds = match self {
            Self::Hop(k) => *hop == k && is(net.hop(family, k)),
            Self::By(k) => hop.is_null() && is(net.hop(family, k)),
            Self::Target => is(Some(net.target(family))),
            Self::TargetAlone => hop.is_null() && is(Some(net.target(family))),
            Self::NoHop => hop.is_null(),
            Self::Address(of) => is(Some(of(net, family))),
            Self::Anywhere => true,
        };
        if holds {
            Ok(())
        } else {
            Err(format!("{self:?} wanted, hop {hop}, address {address}"))
        }
    }
}
