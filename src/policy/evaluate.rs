//! A flow through all hooks: its first packet on its way out, and the answer on its way in.
//!
//! ```text
//! out     output → postrouting → egress → the wire      (→ ingress → prerouting → input, where it stays on this machine)
//! answer  ingress → prerouting → input                  (output → postrouting → egress → … before it, where it comes from this machine)
//! ```
//! (Linux `ip_local_out`, `ip_output`, `__dev_queue_xmit`, `__netif_receive_skb_core`, `ip_rcv`, `ip_local_deliver`; the order within a
//! hook is `enum nf_ip_hook_priorities`.)

use std::net::IpAddr;

use super::compare::Tri;
use super::form::{Family, Field, Hook, Origin, Ruleset, Verdict};
use super::packet::{
    Device, EVERY_PORT, Ends, ICMPV6, Owner, Packet, Seen, Surroundings, TCP, Track, Translation,
    UDP, number,
};
use super::value::Bits;
use super::walk::{End, Walk, Way, any_address};

/// Where connection tracking sees packets.
const TRACKING: i32 = -200;
/// Where destinations are translated.
const DESTINATION: i32 = -100;
/// Where sources are translated.
const SOURCE: i32 = 100;

/// What is asked about: the first packet of a connection from this machine, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The IP protocol: 6, 17, 1 or 58; echo requests for the last two.
    pub protocol: u8,
    /// From which address of this machine.
    pub source: IpAddr,
    /// To which.
    pub destination: IpAddr,
    /// From which ports: the first and the last that the probes may have.
    pub source_ports: Option<(u16, u16)>,
    /// To which.
    pub destination_port: Option<u16>,
    /// The interface of the route, where it is known.
    pub interface: Option<String>,
    /// Whether that is a bridge, whose frames pass other tables too.
    pub bridged: bool,
    /// The user whose socket it is.
    pub user: Option<u32>,
    /// The group.
    pub group: Option<u32>,
    /// The addresses of this machine.
    pub own: Vec<IpAddr>,
}

/// What the rules make of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// They let it pass.
    Allows,
    /// They discard it.
    Denies {
        /// By this rule or policy.
        by: Cited,
        /// With what answer; none is silence.
        rejects: Option<String>,
    },
    /// It can't be told.
    CantTell {
        /// Because of this one, where it is one.
        because: Option<Cited>,
        /// Why.
        why: String,
    },
}

/// A rule, for people to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    /// Who lists it.
    pub origin: Origin,
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// The hook of the chain, where it is a base chain.
    pub hook: Option<Hook>,
    /// The number by which it can be deleted, where there is one.
    pub handle: Option<u64>,
    /// Whether it is the policy of the chain, and no rule.
    pub is_policy: bool,
    /// As its firewall writes it; `policy drop` for the policy of the chain.
    pub text: String,
}

/// What the rules make of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its first packet.
    pub out: Answer,
    /// The answer; none where the packet does not get out.
    pub answer: Option<Answer>,
}

/// A rule, or with none the chain itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) table: usize,
    pub(super) chain: usize,
    pub(super) rule: Option<usize>,
}

impl Place {
    pub(super) const fn chain(table: usize, chain: usize) -> Self {
        Self {
            table,
            chain,
            rule: None,
        }
    }
}

/// What the rules make of a flow. Its packets are taken to be ordinary ones: no fragments, no extension headers, and the answer comes in by
/// the interface that its question left by.
pub fn evaluate(ruleset: &Ruleset, flow: &Flow) -> Outcome {
    let around = Surroundings {
        own: flow.own.clone(),
        other: flow.destination,
        tracks: if ruleset.wants_tracking(flow.destination.is_ipv6()) {
            Tri::Yes
        } else {
            Tri::Unknown
        },
    };
    let first = first_packet(flow, &around);
    let mut out = Walk::new(ruleset, &around);
    let ways = outwards(
        &mut out,
        vec![Way {
            packet: first,
            doubts: Vec::new(),
        }],
    );
    let judged = judge(&out, flow, &ways);
    if ways.is_empty() {
        return Outcome {
            out: judged,
            answer: None,
        };
    }
    let mut back = Walk::new(ruleset, &around);
    let mut arrived = Vec::new();
    for way in ways {
        let here = way.packet.arrived;
        let reply = Way {
            packet: answer_to(&way.packet, &around),
            doubts: Vec::new(),
        };
        arrived.extend(if here {
            outwards(&mut back, vec![reply])
        } else {
            inwards(&mut back, vec![reply])
        });
    }
    let answer = judge(&back, flow, &arrived);
    Outcome {
        out: judged,
        answer: Some(answer),
    }
}

fn first_packet(flow: &Flow, around: &Surroundings) -> Packet {
    let v6 = flow.destination.is_ipv6();
    let source = number(flow.source);
    let destination = number(flow.destination);
    let ports = matches!(flow.protocol, TCP | UDP);
    let ends = Ends {
        source: (source, source),
        destination: (destination, destination),
        source_port: ports.then(|| {
            flow.source_ports
                .map_or(EVERY_PORT, |(first, last)| (first.into(), last.into()))
        }),
        destination_port: ports.then(|| {
            flow.destination_port
                .map_or(EVERY_PORT, |port| (port.into(), port.into()))
        }),
    };
    let here = around.is_own(v6, ends.destination) == Tri::Yes;
    let output = match (&flow.interface, here) {
        (_, true) => Device::Named("lo".to_owned()),
        (Some(name), false) => Device::Named(name.clone()),
        (None, false) => Device::Unknown,
    };
    Packet {
        v6,
        protocol: flow.protocol,
        ends,
        icmp_type: if v6 { 128 } else { 8 },
        tcp_flags: SYN,
        mark: Bits::exactly(0),
        input: Device::None,
        output,
        owner: Owner::Ours(flow.user, flow.group),
        track: Track {
            seen: Seen::NotYet,
            state: Field::NEW,
            reply: false,
            bound: false,
            mark: Bits::exactly(0),
            translation: Translation::NONE,
            original: ends,
        },
        translated: false,
        arrived: false,
    }
}

const SYN: u128 = 2;
const ACK: u128 = 16;

/// The answer to a packet that got through.
fn answer_to(sent: &Packet, around: &Surroundings) -> Packet {
    let here = sent.arrived;
    let mut ends = sent.ends.turned();
    if sent.track.translation.of_source() {
        // It comes to the address that the translation chose.
        ends.destination = any_address(sent);
        ends.destination_port = ends.destination_port.map(|_| EVERY_PORT);
    }
    let untracked = sent.track.seen != Seen::Tracked;
    // Without an entry, a datagram begins a connection of its own; a SYN-ACK (`tcp_conntracks`) or an echo reply (`icmp_new`) belongs to none.
    let state = match (untracked, sent.protocol) {
        (false, _) => Field::ESTABLISHED,
        (true, UDP) => Field::NEW,
        (true, _) => Field::INVALID,
    };
    let mut track = sent.track.clone();
    track.seen = Seen::NotYet;
    track.state = state;
    track.reply = !untracked;
    track.bound = false;
    if untracked {
        track.original = ends;
    }
    let local = || Device::Named("lo".to_owned());
    let to_own = around.is_own(sent.v6, ends.destination) == Tri::Yes;
    Packet {
        ends,
        icmp_type: if sent.protocol == ICMPV6 { 129 } else { 0 },
        tcp_flags: SYN | ACK,
        mark: Bits::exactly(0),
        input: if here {
            Device::None
        } else {
            sent.output.clone()
        },
        output: match (here, to_own) {
            (false, _) => Device::None,
            (true, true) => local(),
            (true, false) => Device::Unknown,
        },
        owner: Owner::Unknown,
        track,
        translated: false,
        arrived: !here,
        ..sent.clone()
    }
}

/// From this machine to the wire; or to this machine itself.
fn outwards(walk: &mut Walk<'_>, ways: Vec<Way>) -> Vec<Way> {
    let reply = ways.first().is_some_and(|way| way.packet.track.reply);
    let mut ways = walk.hook(Hook::Output, ways, |next, packet| {
        see(next, packet);
        if reply && packet.track.translation.of_source() && next > DESTINATION {
            back_to_the_asker(packet);
        }
    });
    own_translation(walk, &ways);
    for way in &mut ways {
        reroute(&mut way.packet, walk.around);
        let from_loopback = Surroundings::is_loopback(way.packet.v6, way.packet.ends.source);
        if from_loopback && way.packet.output != Device::Named("lo".to_owned()) {
            // Nobody takes a packet from there (RFC 1122 section 3.2.1.3; Linux `fib_validate_source`).
            walk.lose(
                None,
                "a translation sends packets of the loopback address to another host",
            );
        }
    }
    let ways = walk.hook(Hook::Postrouting, ways, |next, packet| {
        if reply && packet.track.translation.of_destination() && next > SOURCE {
            packet.ends.source = packet.track.original.destination;
            packet.ends.source_port = packet.track.original.destination_port;
        } else if !reply && packet.track.translation.of_source() && next > SOURCE {
            packet.ends.source = any_address(packet);
            packet.ends.source_port = packet.ends.source_port.map(|_| EVERY_PORT);
        }
    });
    let ways = walk.hook(Hook::Egress, ways, |_, _| {});
    let (mut staying, mut gone) = (Vec::new(), Vec::new());
    for way in ways {
        match walk
            .around
            .is_own(way.packet.v6, way.packet.ends.destination)
        {
            Tri::Yes => staying.push(way),
            Tri::No => gone.push(way),
            Tri::Unknown => {
                staying.push(way.clone());
                gone.push(way);
            }
        }
    }
    for way in &mut staying {
        way.packet.input = Device::Named("lo".to_owned());
        way.packet.output = Device::None;
        way.packet.owner = Owner::Unknown;
        way.packet.arrived = true;
        way.packet.track.bound = true;
    }
    gone.extend(inwards(walk, staying));
    gone
}

/// By an interface to this machine.
fn inwards(walk: &mut Walk<'_>, ways: Vec<Way>) -> Vec<Way> {
    let ways = walk.hook(Hook::Ingress, ways, |_, _| {});
    let ways = walk.hook(Hook::Prerouting, ways, |next, packet| {
        see(next, packet);
        if packet.track.reply && packet.track.translation.of_source() && next > DESTINATION {
            back_to_the_asker(packet);
        }
    });
    own_translation(walk, &ways);
    if ways.iter().any(|way| way.packet.translated) {
        // An answer that begins a connection of its own: its question was not tracked.
        walk.lose(None, "the answer is sent to another address");
    }
    walk.hook(Hook::Input, ways, |next, packet| {
        if packet.track.reply && packet.track.translation.of_destination() && next > SOURCE {
            packet.ends.source = packet.track.original.destination;
            packet.ends.source_port = packet.track.original.destination_port;
        }
    })
}

/// An answer that a rule keeps from being tracked is not translated back, and belongs to no socket.
fn own_translation(walk: &mut Walk<'_>, ways: &[Way]) {
    let lost = ways.iter().map(|way| &way.packet.track).any(|track| {
        let translated = track.translation.of_source() || track.translation.of_destination();
        track.reply && track.seen == Seen::Untracked && translated
    });
    if lost {
        walk.lose(
            None,
            "the answer of a translated connection is not tracked, and so not translated back",
        );
    }
}

fn back_to_the_asker(packet: &mut Packet) {
    packet.ends.destination = packet.track.original.source;
    packet.ends.destination_port = packet.track.original.source_port;
}

/// Connection tracking sees the packet, before a chain of priority `next`.
fn see(next: i32, packet: &mut Packet) {
    let seen = &mut packet.track.seen;
    match (*seen, next) {
        (Seen::NotYet, TRACKING) => *seen = Seen::Perhaps,
        (Seen::NotYet | Seen::Perhaps, _) if next > TRACKING => *seen = Seen::Tracked,
        _ => {}
    }
}

/// The route is looked up again for another destination: where it leads is known for this machine alone.
fn reroute(packet: &mut Packet, around: &Surroundings) {
    let asked = packet.track.original.destination;
    if packet.track.reply || packet.ends.destination == asked {
        return;
    }
    packet.output = match around.is_own(packet.v6, packet.ends.destination) {
        Tri::Yes => Device::Named("lo".to_owned()),
        _ => Device::Unknown,
    };
}

fn judge(walk: &Walk<'_>, flow: &Flow, passed: &[Way]) -> Answer {
    let ruleset = walk.ruleset;
    if let Some((at, why)) = walk.lost {
        return Answer::CantTell {
            because: at.and_then(|at| cite(ruleset, at)),
            why: why.to_owned(),
        };
    }
    let surest = |end: &&End| (end.how.is_none(), end.doubts.len());
    let Some(end) = walk.ends.iter().min_by_key(surest) else {
        return allowed(ruleset, flow);
    };
    let by = cite(ruleset, end.at);
    if let (true, Some(by), Some(how)) = (passed.is_empty(), by, &end.how) {
        let rejects = match how {
            Verdict::Reject(with) => Some(with.clone()),
            _ => None,
        };
        return Answer::Denies { by, rejects };
    }
    let parted = end.doubts.last().map(|(at, _)| *at);
    let parted = parted.or_else(|| {
        passed
            .iter()
            .find_map(|way| way.doubts.last().map(|(at, _)| *at))
    });
    Answer::CantTell {
        because: cite(ruleset, parted.unwrap_or(end.at)),
        why: "whether it decides on these packets can't be told from here".to_owned(),
    }
}

/// No rule that was read discards it.
fn allowed(ruleset: &Ruleset, flow: &Flow) -> Answer {
    if let Some(gap) = ruleset.gaps.first() {
        return Answer::CantTell {
            because: None,
            why: gap.clone(),
        };
    }
    let bridge = ruleset.tables.iter().enumerate().find_map(|(table, of)| {
        let filters = of.family == Family::Bridge && of.active != Some(false);
        let chain = of.chains.iter().position(|chain| {
            chain.base.as_ref().is_some_and(|base| {
                base.hook != Hook::Forward
                    && (base.policy == Verdict::Drop || !chain.rules.is_empty())
            })
        });
        chain
            .filter(|_| filters && flow.bridged)
            .map(|chain| Place::chain(table, chain))
    });
    match bridge {
        None => Answer::Allows,
        Some(at) => Answer::CantTell {
            because: cite(ruleset, at),
            why: "frames of a bridge pass its own chains too, and those are not followed"
                .to_owned(),
        },
    }
}

fn cite(ruleset: &Ruleset, at: Place) -> Option<Cited> {
    let table = ruleset.tables.get(at.table)?;
    let chain = table.chains.get(at.chain)?;
    let rule = at.rule.and_then(|number| chain.rules.get(number));
    let policy = chain
        .base
        .as_ref()
        .map(|base| format!("policy {}", base.policy));
    Some(Cited {
        origin: table.origin,
        family: table.family,
        table: table.name.clone(),
        chain: chain.name.clone(),
        hook: chain.base.as_ref().map(|base| base.hook),
        handle: rule.and_then(|rule| rule.handle),
        is_policy: rule.is_none(),
        text: match rule {
            Some(rule) => rule.text.clone(),
            None => policy.unwrap_or_default(),
        },
    })
}
