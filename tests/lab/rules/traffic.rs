//! Real packets: what becomes of each flow that is sent.

use std::{
    collections::BTreeMap,
    io::Read as _,
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::net::{Namespace, veth};

/// Ports on which both hosts answer, by TCP and UDP.
pub(super) const PORTS: [u16; 3] = [80, 443, 7];
/// So long nothing may come any more that should not.
const QUIET: Duration = Duration::from_millis(10);
/// So long what should come is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Tcp,
    Udp,
    Echo,
}

/// A flow to be sent, and what is expected of it.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) kind: Kind,
    pub(super) destination: IpAddr,
    pub(super) port: u16,
    pub(super) source_port: u16,
    /// It should arrive; should be answered.
    pub(super) arrives: bool,
    pub(super) answered: bool,
}

/// What became of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) arrived: bool,
    pub(super) answered: bool,
}

/// A client, a server, and what listens on both.
pub(super) struct Hosts {
    pub(super) client: Namespace,
    services: Vec<Socket>,
    listeners: Vec<Socket>,
    _server: Namespace,
}

/// This machine's addresses.
pub(super) const OWN: [&str; 2] = ["10.9.0.1", "fd09::1"];

impl Hosts {
    pub(super) fn new() -> Self {
        let client = Namespace::new("client");
        let server = Namespace::new("server");
        veth((&client, "eth0"), (&server, "eth0"));
        for address in ["10.9.0.1/24", "fd09::1/64"] {
            client.add_address("eth0", address);
        }
        for address in ["10.9.0.2/24", "10.9.0.3/24", "fd09::2/64", "fd09::3/64"] {
            server.add_address("eth0", address);
        }
        client.wait_for_carrier(&["eth0"]);
        server.wait_for_carrier(&["eth0"]);
        // Address resolution is not what is looked at, and rules must not disturb it.
        let (near, far) = (
            client.hardware_address("eth0"),
            server.hardware_address("eth0"),
        );
        for address in ["10.9.0.2", "10.9.0.3", "fd09::2", "fd09::3"] {
            client.permanent_neighbour("eth0", address.parse().expect("an address"), &far);
        }
        for address in OWN {
            server.permanent_neighbour("eth0", address.parse().expect("an address"), &near);
        }
        client.allow_ping_sockets();
        let (mut services, mut listeners) = (Vec::new(), Vec::new());
        // By address: an answer has to come from where the question went.
        let of_server = ["10.9.0.2", "10.9.0.3", "fd09::2", "fd09::3"];
        let of_client = ["10.9.0.1", "127.0.0.1", "fd09::1", "::1"];
        for (host, addresses) in [(&server, of_server), (&client, of_client)] {
            for (address, port) in addresses
                .iter()
                .flat_map(|address| PORTS.map(|port| (address, port)))
            {
                let at = SocketAddr::new(address.parse().expect("an address"), port);
                services.push(open(host, at, Type::DGRAM, Protocol::UDP));
                let listener = open(host, at, Type::STREAM, Protocol::TCP);
                listener.listen(128).expect("it listens");
                listeners.push(listener);
            }
        }
        Self {
            client,
            services,
            listeners,
            _server: server,
        }
    }

    /// Sends all, and sees what becomes of them.
    pub(super) fn send(&self, probes: &[Probe]) -> Vec<Fate> {
        let mut fates = vec![Fate::default(); probes.len()];
        let by_port: BTreeMap<(Kind, u16), usize> = probes
            .iter()
            .enumerate()
            .map(|(number, probe)| ((probe.kind, probe.source_port), number))
            .collect();
        let sockets: Vec<Option<Socket>> = probes.iter().map(|probe| self.start(probe)).collect();
        let mut accepted = Vec::new();
        let start = Instant::now();
        let mut last = Instant::now();
        loop {
            let before = fates.clone();
            self.serve(&by_port, &mut fates, &mut accepted);
            for (fate, (probe, socket)) in fates.iter_mut().zip(probes.iter().zip(&sockets)) {
                if let Some(socket) = socket.as_ref().filter(|_| !fate.answered) {
                    fate.answered = answered(probe.kind, socket);
                }
            }
            if before != fates {
                last = Instant::now();
            }
            let missing = fates.iter().zip(probes).any(|(fate, probe)| {
                (probe.answered && !fate.answered)
                    || (probe.arrives && probe.kind == Kind::Udp && !fate.arrived)
            });
            let quiet = last.elapsed() > QUIET;
            if (quiet && !missing) || start.elapsed() > PATIENCE {
                break;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        for socket in sockets.into_iter().flatten().chain(accepted) {
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
        fates
    }

    /// Opens the probe's socket and sends; none where that fails at once.
    fn start(&self, probe: &Probe) -> Option<Socket> {
        let any = match probe.destination {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let (kind, protocol) = match (probe.kind, probe.destination.is_ipv6()) {
            (Kind::Tcp, _) => (Type::STREAM, Protocol::TCP),
            (Kind::Udp, _) => (Type::DGRAM, Protocol::UDP),
            (Kind::Echo, false) => (Type::DGRAM, Protocol::ICMPV4),
            (Kind::Echo, true) => (Type::DGRAM, Protocol::ICMPV6),
        };
        let from = SocketAddr::new(any, probe.source_port);
        let socket = open(&self.client, from, kind, protocol);
        let to: SockAddr = SocketAddr::new(probe.destination, probe.port).into();
        let sent = match probe.kind {
            Kind::Tcp => match socket.connect(&to) {
                Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
                _ => Ok(0),
            },
            Kind::Udp => socket.send_to(&probe.source_port.to_be_bytes(), &to),
            Kind::Echo => {
                let request = if probe.destination.is_ipv6() { 128 } else { 8 };
                let to: SockAddr = SocketAddr::new(probe.destination, 0).into();
                socket.send_to(&[request, 0, 0, 0, 0, 0, 0, 1], &to)
            }
        };
        sent.is_ok().then_some(socket)
    }

    /// Answers what came to the services of both hosts.
    fn serve(
        &self,
        by_port: &BTreeMap<(Kind, u16), usize>,
        fates: &mut [Fate],
        accepted: &mut Vec<Socket>,
    ) {
        for service in &self.services {
            let mut buffer = [MaybeUninit::<u8>::uninit(); 16];
            while let Ok((2, from)) = service.recv_from(&mut buffer) {
                // SAFETY: two bytes were received into the buffer.
                let id = [unsafe { buffer[0].assume_init() }, unsafe {
                    buffer[1].assume_init()
                }];
                if let Some(number) = by_port.get(&(Kind::Udp, u16::from_be_bytes(id))) {
                    fates[*number].arrived = true;
                }
                let _ = service.send_to(&id, &from);
            }
        }
        for listener in &self.listeners {
            while let Ok((connection, _)) = listener.accept() {
                accepted.push(connection);
            }
        }
    }
}

fn answered(kind: Kind, socket: &Socket) -> bool {
    if kind == Kind::Tcp {
        return match socket.take_error() {
            Ok(None) => socket.peer_addr().is_ok(),
            // Refused is a SYN that was turned away; reset is a connection that was open: its second packet may meet other rules.
            Ok(Some(error)) => error.kind() == std::io::ErrorKind::ConnectionReset,
            Err(_) => false,
        };
    }
    let mut reader = socket;
    reader.read(&mut [0; 64]).is_ok()
}

fn open(host: &Namespace, at: SocketAddr, kind: Type, protocol: Protocol) -> Socket {
    let socket = host
        .run(|| Socket::new(Domain::for_address(at), kind, Some(protocol)))
        .expect("a socket");
    if at.is_ipv6() {
        socket.set_only_v6(true).expect("of one family");
    }
    socket
        .set_reuse_address(true)
        .expect("it may be used again");
    socket.set_nonblocking(true).expect("it does not wait");
    socket.bind(&at.into()).expect("its port");
    socket
}
