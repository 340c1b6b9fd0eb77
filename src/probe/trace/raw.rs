//! Probes by raw sockets, all TTLs of a flow at once, the answers with the kernel's time of receipt and the whole quote.
//!
//! The flow's source port is held by a bound socket: no other program gets it, and the kernel resets what a SYN opens. Privilege:
//! `CAP_NET_RAW` when the sockets are opened, at the start of the process. Not for this machine's own addresses, link-local ones, and
//! destinations to which this machine itself has several ways: a raw packet is routed without its ports, and would not take the way that
//! a connection with the same ports takes (Linux `raw_sendmsg`, `fib_multipath_hash_policy`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::Spec;
use super::datagrams::{MARK as DATAGRAM, carries};
use super::echoes::{MARK as ECHO, balance, sum_of};
use super::flight::{Arrived, Asked, Flight, Mark};
use super::transport::{Ended, Underway, label, refused};
use crate::model::topology::TraceProtocol;
use crate::model::{Address, Observation, Options};
use crate::net::errno::Errno;
use crate::net::flow::{Family, Flow};
use crate::net::raw::{Arrival, HeldPort, Open, Raw as Wire, Wanted};
use crate::net::route::{self, Query, RouteKind};
use crate::net::udp::{Fragmentation, Received, Udp};
use crate::probe::flow::{flow, socket_address};
use crate::proto::packet::{Built, Header, Payload, build};
use crate::proto::trace::{FlowId, Probe};

/// So long one wait of a reader lasts.
const TURN: Duration = Duration::from_secs(60);
/// After so many arrivals in a row others get their turn.
const IN_A_ROW: u32 = 64;
/// Sequence numbers of a trace's SYNs lie so far apart: farther than any window that answers a first SYN (65535), so that a host takes
/// a second SYN of a flow for an old segment and not for a reset (RFC 9293 section 3.10.7.4), and they rise, as stateful firewalls want
/// it (Linux `tcp_in_window`).
const STEP: u32 = 1 << 17;

/// The raw sockets of a process, for both families; without any where the process may have none.
#[derive(Clone, Default)]
pub struct Raws {
    wires: Rc<Vec<Rc<Hub>>>,
}

impl Raws {
    /// Opens what may be opened. Nothing is sent.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn open(options: &Options) -> Self {
        let source = options.source.as_ref().map(Address::ip);
        let families = [Family::V4, Family::V6].into_iter();
        let wires = families
            .filter(|family| source.is_none_or(|source| Family::of(source) == *family))
            .filter_map(|family| {
                let open = Open {
                    family,
                    source,
                    interface: options.interface.clone(),
                };
                Wire::open(&open).ok().map(|wire| {
                    Rc::new(Hub {
                        wire: Rc::new(wire),
                        listeners: RefCell::default(),
                        next: Cell::new(0),
                        readers: RefCell::default(),
                    })
                })
            });
        Self {
            wires: Rc::new(wires.collect()),
        }
    }

    fn of(&self, family: Family) -> Option<&Rc<Hub>> {
        self.wires.iter().find(|hub| hub.wire.family() == family)
    }
}

/// The sockets of one family, and the traces that listen.
struct Hub {
    wire: Rc<Wire>,
    listeners: RefCell<HashMap<u64, Listener>>,
    next: Cell<u64>,
    readers: RefCell<Vec<JoinHandle<()>>>,
}

#[derive(Clone)]
struct Listener {
    peer: SocketAddr,
    flight: Rc<RefCell<Flight>>,
    ended: UnboundedSender<Ended>,
}

impl Hub {
    fn subscribe(self: &Rc<Self>, listener: Listener) -> Result<Subscription, Errno> {
        let number = self.next.get();
        self.next.set(number + 1);
        self.listeners.borrow_mut().insert(number, listener);
        let subscription = Subscription {
            hub: self.clone(),
            number,
        };
        self.retune()?;
        Ok(subscription)
    }

    /// Hears what the listeners want, and only while there are any.
    fn retune(self: &Rc<Self>) -> Result<(), Errno> {
        let listeners = self.listeners.borrow();
        let peers: Vec<SocketAddr> = listeners.values().map(|listener| listener.peer).collect();
        let mut readers = self.readers.borrow_mut();
        if peers.is_empty() {
            for reader in readers.drain(..) {
                reader.abort();
            }
            return self.wire.listen(&Wanted::Nothing);
        }
        self.wire.listen(&Wanted::From(&peers))?;
        if readers.is_empty() {
            // The readers hold the sockets, and the listeners only for a moment: when the last of these goes they are ended.
            let hub = Rc::downgrade(self);
            let wire = self.wire.clone();
            readers.push(tokio::task::spawn_local(async move {
                for number in 1_u32.. {
                    let arrival = wire.message().await;
                    let Some(hub) = hub.upgrade() else { return };
                    hub.tell(&arrival, Flight::message);
                    if number % IN_A_ROW == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            }));
            let hub = Rc::downgrade(self);
            let wire = self.wire.clone();
            readers.push(tokio::task::spawn_local(async move {
                for number in 1_u32.. {
                    let arrival = wire.segment().await;
                    let Some(hub) = hub.upgrade() else { return };
                    hub.tell(&arrival, Flight::segment);
                    if number % IN_A_ROW == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            }));
        }
        Ok(())
    }

    /// Hands an arrival to the trace whose probe it answers.
    fn tell(&self, arrival: &Arrival, hear: impl Fn(&mut Flight, Arrived<'_>) -> Option<Ended>) {
        let arrived = Arrived {
            from: arrival.from,
            bytes: &arrival.bytes,
            ttl: arrival.ttl,
            at: arrival.at,
        };
        for listener in self.listeners.borrow().values() {
            if let Some(end) = hear(&mut listener.flight.borrow_mut(), arrived) {
                // The trace may have ended meanwhile.
                let _ = listener.ended.send(end);
                return;
            }
        }
    }
}

struct Subscription {
    hub: Rc<Hub>,
    number: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.listeners.borrow_mut().remove(&self.number);
        // Where the filter can't be set the one before lets more through than is wanted, which is not taken.
        let _ = self.hub.retune();
    }
}

/// The flows of one trace.
pub(super) struct Raw {
    subscription: Subscription,
    flight: Rc<RefCell<Flight>>,
    ended: UnboundedSender<Ended>,
    on: Flow,
    source: IpAddr,
    protocol: TraceProtocol,
    tos: u8,
    seed: u64,
    /// Random, and known to nobody else: the first sequence number, the identifier of echo requests, the first IP identification.
    secret: u64,
    sent: u32,
    /// What datagrams carry to a port that may answer them.
    payload: Option<Vec<u8>>,
    flows: HashMap<FlowId, Held>,
}

/// What holds a flow's source port.
enum Held {
    Tcp(HeldPort),
    Udp { port: u16, reader: JoinHandle<()> },
}

impl Held {
    fn port(&self) -> u16 {
        match self {
            Self::Tcp(port) => port.number(),
            Self::Udp { port, .. } => *port,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Udp { reader, .. } = self {
            reader.abort();
        }
    }
}

impl Raw {
    /// None where ordinary sockets have to serve.
    pub(super) fn new(
        raws: &Raws,
        options: &Options,
        spec: &Spec,
        seed: u64,
        ended: UnboundedSender<Ended>,
    ) -> Option<Self> {
        let hub = raws.of(Family::of(spec.endpoint.address.ip()))?;
        let (to, payload) = match spec.protocol {
            TraceProtocol::Udp => carries(options, spec),
            _ => (spec.endpoint.clone(), None),
        };
        let on = flow(options, &to);
        let source = source(&on, spec.protocol)?;
        let peer = SocketAddr::new(socket_address(&to).ip(), to.port.unwrap_or(0));
        let tos = options.tos.unwrap_or(0);
        let flight = Rc::new(RefCell::new(Flight::new(source, peer, tos)));
        let listener = Listener {
            peer,
            flight: flight.clone(),
            ended: ended.clone(),
        };
        Some(Self {
            subscription: hub.subscribe(listener).ok()?,
            flight,
            ended,
            on,
            source,
            protocol: spec.protocol,
            tos,
            seed,
            secret: RandomState::new().hash_one(seed),
            sent: 0,
            payload,
            flows: HashMap::new(),
        })
    }

    /// Whether anything was sent.
    pub(super) const fn is_used(&self) -> bool {
        self.sent > 0
    }

    /// What an application answers does not say which of several datagrams it answers.
    pub(super) const fn one_at_a_time(&self) -> bool {
        self.payload.is_some()
    }

    pub(super) fn send(
        &mut self,
        probe: Probe,
        mut observation: Observation,
    ) -> Result<Underway, Box<Observation>> {
        match self.try_send(probe, &mut observation) {
            Ok(began) => Ok(Underway {
                began,
                observation,
                task: None,
            }),
            Err(errno) => Err(refused(observation, errno)),
        }
    }

    fn try_send(&mut self, probe: Probe, observation: &mut Observation) -> Result<Instant, Errno> {
        let port = match self.protocol {
            TraceProtocol::Icmp => None,
            _ => Some(self.port(probe.flow)?),
        };
        observation.source_port = port;
        let (built, mark) = self
            .build(probe, port.unwrap_or(0))
            .ok_or(Errno::EMSGSIZE)?;
        let wire = &self.subscription.hub.wire;
        let began = wire.send(&built.bytes, self.on.destination.ip())?;
        self.sent += 1;
        self.flight.borrow_mut().sent(Asked {
            id: probe.id,
            began,
            observation: observation.clone(),
            mark,
            answered: false,
        });
        Ok(began)
    }

    /// The packet of a probe, and what tells it from all others.
    fn build(&self, probe: Probe, port: u16) -> Option<(Built, Mark)> {
        let [s0, s1, s2, s3, i0, i1, e0, e1] = self.secret.to_be_bytes();
        // A trace has some thousand probes at most: no number comes again.
        let number = self.sent % 0xffff;
        // Never 0, for which the kernel would put another number.
        let identification = (u32::from(u16::from_be_bytes([i0, i1])) + number) % 0xffff + 1;
        let identification = u16::try_from(identification).ok()?;
        let destination = self.on.destination.port();
        let header = Header {
            source: self.source,
            destination: self.on.destination.ip(),
            ttl: probe.ttl,
            tos: self.tos,
            identification,
            flow_label: label(self.seed, probe.flow),
        };
        match self.protocol {
            TraceProtocol::Tcp => {
                let first = u32::from_be_bytes([s0, s1, s2, s3]);
                let sequence = first.wrapping_add(self.sent.wrapping_mul(STEP));
                let syn = Payload::Syn {
                    source: port,
                    destination,
                    sequence,
                    timestamp: first.rotate_left(13),
                };
                Some((build(&header, syn)?, Mark::Tcp { port, sequence }))
            }
            TraceProtocol::Udp => {
                // With a number each datagram has another checksum: IPv6 has no identification.
                let numbered = || [&DATAGRAM[..], &probe.id.0.to_be_bytes()].concat();
                let bytes = self.payload.clone().unwrap_or_else(numbered);
                let datagram = Payload::Datagram {
                    source: port,
                    destination,
                    bytes: &bytes,
                };
                let built = build(&header, datagram)?;
                let checksum = built.checksum;
                Some((
                    built,
                    Mark::Udp {
                        port,
                        identification,
                        checksum,
                    },
                ))
            }
            TraceProtocol::Icmp => {
                let id = u16::from_be_bytes([e0, e1]);
                let sequence = u16::try_from(number + 1).ok()?;
                let balance = balance(sum_of(self.seed, probe.flow), sequence);
                let bytes = [&balance.to_be_bytes()[..], ECHO].concat();
                let echo = Payload::Echo {
                    id,
                    sequence,
                    bytes: &bytes,
                };
                let built = build(&header, echo)?;
                let checksum = built.checksum;
                Some((
                    built,
                    Mark::Icmp {
                        id,
                        sequence,
                        checksum,
                    },
                ))
            }
        }
    }

    /// The source port of a flow, held from its first probe on.
    fn port(&mut self, id: FlowId) -> Result<u16, Errno> {
        if let Some(held) = self.flows.get(&id) {
            return Ok(held.port());
        }
        #[allow(
            clippy::single_match_else,
            reason = "kinds of probes are told apart by name"
        )]
        let held = match self.protocol {
            TraceProtocol::Udp => {
                let socket = Udp::open(&self.on, Fragmentation::System);
                let socket = socket.map_err(|failure| failure.errno)?;
                let port = socket.source().port();
                let from = self.on.destination.ip();
                let (flight, ended) = (self.flight.clone(), self.ended.clone());
                let reader = tokio::task::spawn_local(read(socket, from, flight, ended));
                Held::Udp { port, reader }
            }
            _ => {
                let on = Flow {
                    source: Some(self.source),
                    ..self.on.clone()
                };
                Held::Tcp(HeldPort::hold(&on).map_err(|failure| failure.errno)?)
            }
        };
        let port = held.port();
        self.flows.insert(id, held);
        Ok(port)
    }
}

/// Hears the datagrams that come to a flow's port. The ICMP errors in its queue are the ones that the raw socket gets, too.
async fn read(
    socket: Udp,
    from: IpAddr,
    flight: Rc<RefCell<Flight>>,
    ended: UnboundedSender<Ended>,
) {
    let to = socket.source().port();
    loop {
        match socket.recv(Instant::now() + TURN).await {
            Received::Datagram(datagram) => {
                let end = flight
                    .borrow_mut()
                    .datagram(to, datagram.ttl, datagram.at, from);
                if end.is_some_and(|end| ended.send(end).is_err()) {
                    return;
                }
            }
            // An error of the socket that belongs to no probe; it is not worth a busy loop.
            Received::Failed(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            Received::Error(_) | Received::Silent => {}
        }
    }
}

/// The source address of packets to a destination; none where raw packets would not go as a connection does.
fn source(on: &Flow, protocol: TraceProtocol) -> Option<IpAddr> {
    let to = on.destination.ip();
    let beside = match to {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_multicast() || ip.is_unicast_link_local(),
    };
    if beside || to.to_canonical() != to || to.is_unspecified() {
        return None;
    }
    // Connecting a datagram socket sends nothing, and lets the kernel choose.
    let mut asked = on.clone();
    asked.destination.set_port(on.destination.port().max(1));
    let socket = Udp::open(&asked, Fragmentation::System).ok()?;
    let source = socket.source().ip();
    let as_raw = Query {
        source: on.source,
        interface: on
            .interface
            .as_deref()
            .and_then(crate::probe::flow::interface_index),
        ..Query::to(to)
    };
    let connected = protocol != TraceProtocol::Icmp;
    let as_connection = Query {
        protocol: Some(crate::probe::local::number(protocol, to)),
        destination_port: connected.then_some(on.destination.port()),
        tos: on.tos.filter(|_| to.is_ipv4()),
        ..as_raw.clone()
    };
    let raw = route::lookup(&as_raw).ok()?;
    let connection = if connected {
        route::lookup_connection(&as_connection).1.ok()?
    } else {
        route::lookup(&as_connection).ok()?
    };
    let one_way = connection
        .matched
        .as_ref()
        .is_none_or(|matched| matched.next_hops.len() <= 1);
    let same = raw.route.kind == RouteKind::Unicast
        && raw.route.kind == connection.route.kind
        && raw.route.next_hops == connection.route.next_hops;
    (one_way && same).then_some(source)
}
