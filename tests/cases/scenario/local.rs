//! What this machine's kernel says.
//!
//! | line | meaning |
//! |---|---|
//! | `route ADDRESS via GATEWAY dev NAME` | the way to an address, in place of the usual one |
//! | `route ADDRESS onlink dev NAME`, `route ADDRESS local` | directly on a link; this machine itself |
//! | `route ADDRESS KIND [TEXT]` | `none`, `unreachable`, `prohibit`, `blackhole`, and the entry as `ip route` writes it |
//! | `by-rule ERRNO [RULE]` | with which error the look-up before it ended, and by which rule |
//! | `no-route-known ADDRESS` | it was not looked up |
//! | `family-absent ADDRESS` | no route, and this machine lacks the family |
//! | `interface NAME up\|down\|no_carrier [noarp] [PREFIX]…` | in place of one of that name |
//! | `neighbour ADDRESS dev NAME gateway\|destination STATE [AGO [proxied]]` | an entry read at 4000 ms, confirmed AGO ms before that; with the gateway's link address |
//! | `own ADDRESS…` | addresses of this machine |
//! | `ports FIRST LAST [SOCKETS]`, `unprivileged-from PORT`, `held-by PID NAME` | source ports |
//! | `listener ENDPOINT [PID NAME]` | a socket that listens |
//! | `conntrack COUNT MAX [DROPPED]` | the table of tracked connections |
//! | `link-counters NAME rx N tx N dropped N carrier N` | what rose at an interface during the check |
//! | `environment NAME VALUE` | a proxy variable |
//! | `cpu USED OWN DURING WAITED [THROTTLED]` | recorded counters: percent, percent, and times in ms |
//! | `memory USED DURING STALLED [LIMIT]` | the same of memory; LIMIT is the percent in use of what the control group may use |
//! | `device ADDRESS NAME` | a reverse name |
//! | `rules allow`, `rules unread` | what this machine's packet rules make of the flow to the first address; that they may not be read |
//! | `rules deny\|cant-tell out\|in RULE` | the same, by rule 7 of the chain `c` of the table `inet t`; `policy drop` is its policy |

use nwcheck::model::evidence::{NotMeasured, PACKET_RULES};
use nwcheck::model::firewall::{Firewall, JudgedFlow, QuotedRule, RuleProgram, Ruling, Says};
use nwcheck::model::local::{
    Conntrack, Interface, InterfaceErrors, Listener, Local, Neighbour, Prefix, Process, Route,
    RouteKind, SourcePort,
};
use nwcheck::model::proxy::ProxyEnvironment;
use nwcheck::model::topology::TraceProtocol;
use nwcheck::model::{Address, Evidence, Ms, Operation};

use super::{address, endpoint, from_word, number};

/// The usual machine.
pub fn usual(evidence: &mut Evidence) {
    evidence.source.address = "10.0.1.2".parse().ok();
    evidence.source.interface = Some("eth0".to_owned());
    let gateway = |text: &str| text.parse().map(gateway_entry);
    evidence.local = Local {
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            up: true,
            carrier: true,
            state: Some("up".to_owned()),
            mtu: Some(1500),
            kind: None,
            resolves_neighbours: true,
            addresses: ["10.0.1.2/24", "2001:db8:1::2/64"]
                .iter()
                .filter_map(|text| prefix(text).ok())
                .collect(),
            errors: None,
        }],
        addresses: ["127.0.0.1", "::1", "10.0.1.2", "2001:db8:1::2"]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
        neighbours: ["10.0.1.254", "2001:db8:1::fe"]
            .iter()
            .filter_map(|text| gateway(text).ok())
            .collect(),
        ..Local::default()
    };
}

/// The gateway's link address.
const GATEWAY_LINK: &str = "02:00:00:00:01:fe";

fn gateway_entry(address: Address) -> Neighbour {
    Neighbour {
        address,
        interface: "eth0".to_owned(),
        role: nwcheck::model::local::NeighbourRole::Gateway,
        state: nwcheck::model::local::NeighbourState::Reachable,
        link_address: Some(GATEWAY_LINK.to_owned()),
        at_ms: Ms::from_millis(4000),
        confirmed_ms_ago: Some(Ms::from_millis(1000)),
    }
}

fn prefix(text: &str) -> Result<Prefix, String> {
    text.parse()
        .map(Prefix)
        .map_err(|_| format!("`{text}` is no prefix"))
}

/// The usual way to an address, if no line of the case gave another before.
pub fn default_route(evidence: &mut Evidence, to: &Address) {
    if evidence.local.route_to(to).is_some() {
        return;
    }
    let gateway = if to.is_ipv6() {
        "2001:db8:1::fe"
    } else {
        "10.0.1.254"
    };
    let source = if to.is_ipv6() {
        "2001:db8:1::2"
    } else {
        "10.0.1.2"
    };
    evidence.local.routes.push(Route {
        gateway: gateway.parse().ok(),
        interface: Some("eth0".to_owned()),
        source: source.parse().ok(),
        table: Some(254),
        ..bare(to, RouteKind::Unicast)
    });
}

fn bare(to: &Address, kind: RouteKind) -> Route {
    Route {
        destination: to.clone(),
        kind,
        gateway: None,
        interface: None,
        source: None,
        table: None,
        prefix: None,
        metric: None,
        mtu: None,
        rule: None,
        text: None,
        errno: None,
        family_usable: true,
    }
}

/// Takes a line, if it is one of these.
pub fn take(
    evidence: &mut Evidence,
    word: &str,
    rest: &str,
    words: &[&str],
) -> Result<bool, String> {
    let local = &mut evidence.local;
    match (word, words) {
        ("by-rule", [errno, rule @ ..]) => {
            let route = local.routes.last_mut().ok_or("no route before it")?;
            route.errno = Some((*errno).to_owned());
            route.rule = (!rule.is_empty()).then(|| rule.join(" "));
        }
        ("route", [to, kind @ ..]) => {
            let to = address(to)?;
            let route = route(&to, kind, rest)?;
            local.routes.retain(|known| known.destination != to);
            local.routes.push(route);
        }
        ("no-route-known", [to]) => {
            let to = address(to)?;
            local.routes.retain(|known| known.destination != to);
        }
        ("family-absent", [to]) => {
            let to = address(to)?;
            local.routes.retain(|known| known.destination != to);
            local.routes.push(Route {
                family_usable: false,
                errno: Some("ENETUNREACH".to_owned()),
                ..bare(&to, RouteKind::None)
            });
        }
        ("interface", [name, state, rest @ ..]) => {
            local.interfaces.retain(|known| known.name != *name);
            let addresses = rest.iter().filter(|word| **word != "noarp");
            local.interfaces.push(Interface {
                name: (*name).to_owned(),
                up: *state != "down",
                carrier: *state == "up",
                state: Some(if *state == "up" { "up" } else { "down" }.to_owned()),
                mtu: Some(1500),
                kind: None,
                resolves_neighbours: !rest.contains(&"noarp"),
                addresses: addresses
                    .map(|text| prefix(text))
                    .collect::<Result<_, _>>()?,
                errors: None,
            });
        }
        ("neighbour", [at, "dev", name, role, state, ago @ ..]) => {
            let at = address(at)?;
            local.neighbours.retain(|known| known.address != at);
            let shared = ago.get(1) == Some(&"proxied");
            let ago = ago.first().map(|ago| number(ago)).transpose()?;
            let own = if shared {
                GATEWAY_LINK
            } else {
                "02:00:00:00:09:09"
            };
            local.neighbours.push(Neighbour {
                interface: (*name).to_owned(),
                role: from_word(role)?,
                state: from_word(state)?,
                link_address: ago.map(|_: u64| own.to_owned()),
                confirmed_ms_ago: ago.map(Ms::from_millis),
                ..gateway_entry(at)
            });
        }
        ("own", all) => {
            for text in all {
                local.addresses.push(address(text)?);
            }
        }
        ("ports", [first, last, sockets @ ..]) => {
            let ports = local.source_port.get_or_insert_with(SourcePort::default);
            ports.range = Some((number(first)?, number(last)?));
            ports.sockets = sockets.first().map(|text| number(text)).transpose()?;
        }
        ("unprivileged-from", [port]) => {
            let ports = local.source_port.get_or_insert_with(SourcePort::default);
            ports.unprivileged_from = Some(number(port)?);
        }
        ("held-by", [pid, comm]) => {
            let ports = local.source_port.get_or_insert_with(SourcePort::default);
            ports.held_by = Some(process(pid, comm)?);
        }
        ("listener", [at, who @ ..]) => local.listeners.push(Listener {
            endpoint: endpoint(at)?,
            process: match who {
                [pid, comm] => Some(process(pid, comm)?),
                _ => None,
            },
        }),
        ("conntrack", [count, max, dropped @ ..]) => {
            local.conntrack = Some(Conntrack {
                count: number(count)?,
                max: number(max)?,
                dropped: dropped.first().map(|text| number(text)).transpose()?,
            });
        }
        (
            "link-counters",
            [
                name,
                "rx",
                rx,
                "tx",
                tx,
                "dropped",
                dropped,
                "carrier",
                carrier,
            ],
        ) => {
            let mut interfaces = local.interfaces.iter_mut();
            let interface = interfaces.find(|known| known.name == *name);
            interface.ok_or("no such interface")?.errors = Some(InterfaceErrors {
                rx_errors: number(rx)?,
                tx_errors: number(tx)?,
                tx_dropped: number(dropped)?,
                carrier_changes: number(carrier)?,
            });
        }
        ("environment", [name, value @ ..]) => {
            let value = value.join(" ");
            let read = ProxyEnvironment::read(|of| (of == *name).then(|| value.clone()));
            let known = evidence.source.proxies.get_or_insert_default();
            known.proxies.extend(read.proxies);
            known.exceptions.extend(read.exceptions);
        }
        ("cpu", [used, own, during, waited, throttled @ ..]) => {
            local.cpu_percent = Some(number(used)?);
            let load = local.load.get_or_insert_default();
            load.own_cpu_percent = Some(number(own)?);
            load.during_ms = Ms::from_millis(number(during)?);
            load.waited_ms = Some(Ms::from_millis(number(waited)?));
            let throttled = throttled.first().map(|text| number(text)).transpose()?;
            load.throttled_ms = throttled.map(Ms::from_millis);
        }
        ("memory", [used, during, stalled, limit @ ..]) => {
            local.memory_percent = Some(number(used)?);
            let load = local.load.get_or_insert_default();
            load.during_ms = Ms::from_millis(number(during)?);
            load.memory_stalled_ms = Some(Ms::from_millis(number(stalled)?));
            load.memory_limit_percent = limit.first().map(|text| number(text)).transpose()?;
        }
        ("rules", words) => return rules(evidence, words).map(|()| true),
        ("device", [at, name]) => {
            evidence.names.insert(address(at)?, (*name).to_owned());
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// What the packet rules make of the flow to the first address.
fn rules(evidence: &mut Evidence, words: &[&str]) -> Result<(), String> {
    let (says, out, text) = match words {
        ["unread"] => {
            evidence.note(NotMeasured {
                what: PACKET_RULES.to_owned(),
                why: "only root may read them".to_owned(),
                command: None,
            });
            return Ok(());
        }
        ["allow"] => (Says::Allows, true, String::new()),
        ["deny", way @ ("out" | "in"), text @ ..] => (Says::Denies, *way == "out", text.join(" ")),
        ["cant-tell", way @ ("out" | "in"), text @ ..] => {
            (Says::CantTell, *way == "out", text.join(" "))
        }
        _ => return Err("allow, unread, deny or cant-tell?".to_owned()),
    };
    let endpoint = evidence.endpoints.first().map(|e| e.endpoint.clone());
    let is_policy = text.starts_with("policy ");
    let rejects = text
        .split_once("reject with ")
        .map(|(_, with)| with.to_owned());
    let ruling = Ruling {
        says,
        rule: (says != Says::Allows).then(|| QuotedRule {
            program: RuleProgram::Nft,
            family: "inet".to_owned(),
            table: "t".to_owned(),
            chain: "c".to_owned(),
            hook: Some(if out { "output" } else { "input" }.to_owned()),
            handle: (!is_policy).then_some(7),
            is_policy,
            text,
        }),
        rejects,
        why: (says == Says::CantTell).then(|| "that can't be told from here".to_owned()),
    };
    let passes = !out || says != Says::Denies;
    let flow = JudgedFlow {
        endpoint: endpoint.ok_or("to which address?")?,
        protocol: match evidence.probe() {
            Operation::Echo => TraceProtocol::Icmp,
            Operation::Datagram => TraceProtocol::Udp,
            _ => TraceProtocol::Tcp,
        },
        interface: Some("eth0".to_owned()),
        out: if out { ruling.clone() } else { Ruling::ALLOWS },
        answer: passes.then_some(if out { Ruling::ALLOWS } else { ruling }),
    };
    evidence.local.firewall = Some(Firewall {
        programs: vec!["nft -j list ruleset".to_owned()],
        rules: 12,
        gaps: Vec::new(),
        flows: vec![flow],
    });
    Ok(())
}

fn process(pid: &str, comm: &str) -> Result<Process, String> {
    Ok(Process {
        pid: number(pid)?,
        comm: comm.to_owned(),
    })
}

fn route(to: &Address, kind: &[&str], rest: &str) -> Result<Route, String> {
    let source = || {
        if to.is_ipv6() {
            "2001:db8:1::2"
        } else {
            "10.0.1.2"
        }
        .parse()
        .ok()
    };
    Ok(match kind {
        ["via", gateway, "dev", name] => Route {
            gateway: Some(address(gateway)?),
            interface: Some((*name).to_owned()),
            source: source(),
            ..bare(to, RouteKind::Unicast)
        },
        ["onlink", "dev", name] => Route {
            interface: Some((*name).to_owned()),
            source: source(),
            ..bare(to, RouteKind::Unicast)
        },
        ["local"] => Route {
            interface: Some("lo".to_owned()),
            source: Some(to.clone()),
            ..bare(to, RouteKind::Local)
        },
        [kind, ..] => {
            let text = rest.splitn(3, ' ').nth(2);
            let errno = match *kind {
                "prohibit" => "EACCES",
                "blackhole" => "EINVAL",
                "unreachable" => "EHOSTUNREACH",
                _ => "ENETUNREACH",
            };
            Route {
                text: text.map(ToOwned::to_owned),
                errno: Some(errno.to_owned()),
                ..bare(to, from_word(kind)?)
            }
        }
        [] => return Err("which route?".to_owned()),
    })
}
