//! A path of simulated routers between two real hosts: with delays, losses and tempers that cables in namespaces don't have.
//!
//! A client's and a server's namespace have a tun interface each. One thread reads what either sends, decides what
//! the routers in between do with it, and hands it on when its time has come. Addresses are those of `topology`:
//! the client `10.0.0.1`, router k `10.0.(k-1).2`, the server behind n routers `10.0.n.2`; likewise for IPv6.

mod odd;
mod packet;
mod path;
mod web;

use std::{
    collections::BinaryHeap,
    fs::File,
    io::{Read as _, Write as _},
    net::IpAddr,
    os::{fd::AsFd as _, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sys::time::TimeSpec,
};

pub(crate) use self::odd::{FORGER, Translates};
pub(crate) use self::path::Router;
use self::path::{Packet, Path, Side};
#[allow(
    unused_imports,
    reason = "the cases of one day use less than the nets offer"
)]
pub(crate) use self::web::{End, Truth, Web};
use crate::{
    net::{Family, Namespace, Route},
    topology::{default, host},
};

/// The TTL that Linux gives a packet (`net.ipv4.ip_default_ttl`).
const FULL_TTL: u8 = 64;
/// The server behind a net has the address of one behind so many routers.
const BEHIND_WEBS: usize = 200;

/// A simulated path that is up. Dropping it takes it away.
pub(crate) struct Simulation {
    client: Namespace,
    server: Namespace,
    routers: usize,
    limited: Arc<AtomicUsize>,
    _stop: UnixStream,
}

impl Simulation {
    /// A path of these routers, the first nearest to the client; `last` is the one-way delay of the server's link.
    #[track_caller]
    pub(crate) fn start(routers: Vec<Router>, last: Duration) -> Self {
        let count = routers.len();
        let mut path = Path::new(routers, last);
        Self::between(count, move |from, bytes, now| {
            path.take(from, bytes, now).into_iter().collect()
        })
    }

    /// A net of routers. The server is as far as its shortest arm; its address is that behind so many links as no path has.
    #[track_caller]
    pub(crate) fn web(web: &Web) -> Self {
        let mut web = web.clone();
        Self::between(BEHIND_WEBS, move |from, bytes, now| {
            web.take(from, bytes, now)
        })
    }

    fn between(
        count: usize,
        take: impl FnMut(Side, &[u8], Instant) -> Vec<Packet> + Send + 'static,
    ) -> Self {
        let client = Namespace::new("client");
        let server = Namespace::new("server");
        let ends = [(&client, 0, 1), (&server, count, 2)].map(|(end, link, number)| {
            let file = end.tun("tun0");
            for (family, bits) in [(Family::V4, 24), (Family::V6, 64)] {
                end.add_address("tun0", &format!("{}/{bits}", host(family, link, number)));
                end.add_route(&Route::to(default(family)).device("tun0"));
            }
            file
        });
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        let limited = Arc::new(AtomicUsize::new(0));
        let count_of = limited.clone();
        let mut take = take;
        let counted = move |from, bytes: &[u8], now| {
            if from == Side::Client && packet::ttl(bytes).is_some_and(|ttl| ttl < FULL_TTL) {
                count_of.fetch_add(1, Ordering::Relaxed);
            }
            take(from, bytes, now)
        };
        thread::spawn(move || carry(counted, &ends, &stopped));
        Self {
            client,
            server,
            routers: count,
            limited,
            _stop: stop,
        }
    }

    /// The client's namespace.
    pub(crate) fn client(&self) -> &Namespace {
        &self.client
    }

    /// The server's namespace.
    pub(crate) fn server(&self) -> &Namespace {
        &self.server
    }

    /// How many packets the client has sent with a TTL below the one that hosts begin with: probes of paths, whoever sends them.
    pub(crate) fn limited_packets(&self) -> usize {
        self.limited.load(Ordering::Relaxed)
    }

    /// The address from which router `k`, from 1, answers.
    pub(crate) fn hop(&self, family: Family, k: usize) -> IpAddr {
        host(family, k - 1, 2)
    }

    /// The server's address.
    pub(crate) fn server_address(&self, family: Family) -> IpAddr {
        host(family, self.routers, 2)
    }
}

/// Carries packets until it is stopped.
fn carry(
    mut take: impl FnMut(Side, &[u8], Instant) -> Vec<Packet>,
    ends: &[File; 2],
    stopped: &UnixStream,
) {
    let mut queue = BinaryHeap::<Packet>::new();
    let mut buffer = vec![0; 65536];
    loop {
        let now = Instant::now();
        while queue.peek().is_some_and(|packet| packet.due <= now)
            && let Some(packet) = queue.pop()
        {
            let mut end = match packet.to {
                Side::Client => &ends[0],
                Side::Server => &ends[1],
            };
            // What an interface does not take is lost, as on any wire.
            let _ = end.write(&packet.bytes);
        }
        let wait = queue
            .peek()
            .map(|packet| TimeSpec::from_duration(packet.due.saturating_duration_since(now)));
        let mut sources = [stopped.as_fd(), ends[0].as_fd(), ends[1].as_fd()]
            .map(|source| PollFd::new(source, PollFlags::POLLIN));
        match ppoll(&mut sources, wait, None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(_) => return,
        }
        let [stopped, client, server] = sources.map(|source| source.any() == Some(true));
        if stopped {
            return;
        }
        for (ready, mut end, from) in [
            (client, &ends[0], Side::Client),
            (server, &ends[1], Side::Server),
        ] {
            while ready && let Ok(length) = end.read(&mut buffer) {
                queue.extend(take(from, &buffer[..length], Instant::now()));
            }
        }
    }
}
