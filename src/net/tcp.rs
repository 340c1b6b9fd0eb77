//! Connection attempts that keep the reason of their failure.
//!
//! What it is for: one connect with the flow, TTL and options asked for, and all that the kernel knows of
//! its end: the error, the ICMP messages with their senders, times and retransmissions. What it may use:
//! `platform`, [`super::flow`], [`super::queue`]. What it must not do: send data, retry, or judge.
//!
//! No privilege is needed. A TTL-limited attempt is a trace probe to the real port: in SYN-SENT an ICMP error
//! ends the connect at once and is queued with its sender (`net/ipv4/tcp_ipv4.c` `tcp_v4_err`,
//! commit 45af29ca761c; `net/ipv6/tcp_ipv6.c`). "Fragmentation needed" alone does not end it.
//!
//! Seen on 6.18: without `IP_RECVERR` IPv4 queues all the same, IPv6 queues nothing (`ipv6_icmp_error`). An
//! error that arrives while the connect call still holds the socket (a neighbour, this machine's own
//! firewall) is only a *soft* error: the socket stays in SYN-SENT and sends its SYN again. Without the queue
//! nobody would wake for it until a second error 1 s later; here the queue entry wakes, and `SO_ERROR` gives
//! the soft error. Both count as the end.
//!
//! | errno | what it was (Linux 6.18) |
//! |---|---|
//! | `ECONNREFUSED` | RST (empty queue), 3/3, IPv6 1/4 |
//! | `EHOSTUNREACH` | 3/1, 3/10, 3/13, 11/0, IPv6 1/3, 3/0; an unreachable route (stage connect) |
//! | `ENETUNREACH` | 3/0, 3/9, IPv6 1/0; no route (stage connect) |
//! | `ENOPROTOOPT` | 3/2 |
//! | `EACCES` | IPv6 1/1, 1/5, 1/6; a prohibit route (stage connect); a reserved port (stage bind) |
//! | `EINVAL` | a blackhole route; a link-local destination without scope (stage connect) |

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::errno::Errno;
use super::flow::{Flow, OpenFailure, Stage};
use super::platform::{self, Kind, Readiness, Setting, Socket};
use super::queue::QueuedError;
use super::tcp_info::TcpInfo;

/// What to connect, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Addresses, ports, TTL, interface, label.
    pub flow: Flow,
    /// Largest segment to send and to advertise, bytes (`TCP_MAXSEG`; the kernel takes 88 to 32767).
    pub max_segment: Option<u16>,
    /// `SO_REUSEADDR`: bind a port though it is in `TIME_WAIT`.
    pub reuse_address: bool,
}

impl Connect {
    /// A plain connect on `flow`.
    pub fn on(flow: Flow) -> Self {
        Self {
            flow,
            max_segment: None,
            reuse_address: false,
        }
    }
}

/// How an attempt ended that did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{stage}: {errno}")]
pub struct Failure {
    /// The step that failed. Up to [`Stage::Bind`] nothing was sent.
    pub stage: Stage,
    /// What the kernel said.
    pub errno: Errno,
    /// The ICMP errors that led to it; empty for a RST and for a decision of this machine's routing.
    pub queue: Vec<QueuedError>,
    /// From the call to connect to when we learnt of the end.
    pub elapsed: Duration,
    /// From the call to connect to when the *kernel* received the ICMP error: free of this process's
    /// scheduling. `None` without a queued error, and after a retransmission, when it is not known which
    /// SYN was answered. A RST leaves no timestamp: there `elapsed` is all there is.
    pub kernel_rtt: Option<Duration>,
    /// How often the SYN was sent again.
    pub retransmits: u32,
}

impl From<OpenFailure> for Failure {
    fn from(failure: OpenFailure) -> Self {
        Self {
            stage: failure.stage,
            errno: failure.errno,
            queue: Vec::new(),
            elapsed: Duration::ZERO,
            kernel_rtt: None,
            retransmits: 0,
        }
    }
}

/// Starts to connect and returns without waiting.
///
/// # Errors
/// [`Failure`] when the kernel refuses at once: no descriptor, no such interface, port taken, no route.
///
/// # Panics
/// Outside a tokio runtime with I/O and time enabled.
pub fn start(connect: &Connect) -> Result<Pending, Failure> {
    // Dropped while pending it must leave no tuple behind, also when the SYN-ACK came a moment ago.
    let mut extra = vec![Setting::ResetOnClose];
    if connect.reuse_address {
        extra.push(Setting::ReuseAddress);
    }
    extra.extend(connect.max_segment.map(Setting::MaxSegment));
    let socket = connect.flow.open(Kind::Tcp, &extra)?;
    let began = Instant::now();
    if let Err(errno) = socket.connect(connect.flow.remote()) {
        let queue = socket.receive_errors();
        return Err(failure(&socket, Stage::Connect, errno, queue, began));
    }
    let source = socket.local().map_err(|errno| Failure {
        elapsed: began.elapsed(),
        ..OpenFailure {
            stage: Stage::Connect,
            errno,
        }
        .into()
    })?;
    Ok(Pending {
        socket,
        source,
        began,
        queue: Vec::new(),
    })
}

fn failure(
    socket: &Socket,
    stage: Stage,
    errno: Errno,
    queue: Vec<QueuedError>,
    began: Instant,
) -> Failure {
    let retransmits = retransmits(socket);
    let elapsed = began.elapsed();
    let kernel_rtt = queue
        .iter()
        .find(|entry| entry.received.is_some())
        .and_then(|entry| entry.at.checked_duration_since(began))
        .filter(|&rtt| retransmits == 0 && rtt <= elapsed);
    Failure {
        stage,
        errno,
        queue,
        elapsed,
        kernel_rtt,
        retransmits,
    }
}

fn info(socket: &Socket) -> Result<TcpInfo, Errno> {
    TcpInfo::parse(&socket.tcp_info()?).ok_or(Errno::EPROTO)
}

fn retransmits(socket: &Socket) -> u32 {
    info(socket).map_or(0, |info| {
        info.total_retrans.unwrap_or(info.retransmits.into())
    })
}

/// A connect on its way. Dropping it frees its 4-tuple at once; a SYN-ACK that came unnoticed or comes late
/// is answered with a reset.
#[derive(Debug)]
pub struct Pending {
    socket: Socket,
    source: SocketAddr,
    began: Instant,
    queue: Vec<QueuedError>,
}

impl Pending {
    /// The source address and port in use.
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    /// The source port in use.
    pub fn source_port(&self) -> u16 {
        self.source.port()
    }

    /// When connect was called.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// How often the SYN was sent again so far.
    pub fn retransmits(&self) -> u32 {
        retransmits(&self.socket)
    }

    /// Waits until the attempt ends or `deadline` is over. It looks once also when the deadline has passed.
    pub async fn wait(mut self, deadline: Instant) -> Attempt {
        let (source, began) = (self.source, self.began);
        let Self { socket, queue, .. } = &mut self;
        let look = || {
            let errno = socket.take_error();
            // After the error: an ICMP error is queued before it ends the connect.
            queue.extend(socket.receive_errors());
            match errno {
                Some(errno) => Some(Err(errno)),
                None if socket.is_connected() => Some(Ok(())),
                None => None,
            }
        };
        let end = socket.until(Readiness::Output, deadline, look).await;
        let ended = Instant::now();
        let result = match end {
            None => Outcome::Silent(self),
            Some(Ok(())) => Outcome::Opened(Stream::new(self.socket, None)),
            Some(Err(errno)) => match ended_after_opening(errno) {
                Some(peer) if self.queue.is_empty() => {
                    Outcome::Opened(Stream::new(self.socket, Some(peer)))
                }
                _ => {
                    let queue = self.queue;
                    Outcome::Failed(failure(&self.socket, Stage::Wait, errno, queue, began))
                }
            },
        };
        Attempt {
            source,
            began,
            ended,
            result,
        }
    }
}

/// What the peer did where a reset came so soon after the handshake that only its error was found: a reset that answers the SYN is
/// `ECONNREFUSED`, and one after a FIN `EPIPE` (`tcp_reset` in `net/ipv4/tcp_input.c`).
fn ended_after_opening(errno: Errno) -> Option<Peer> {
    match errno {
        Errno::ECONNRESET => Some(Peer::Reset),
        Errno::EPIPE => Some(Peer::Closed),
        _ => None,
    }
}

/// What came of a wait.
#[derive(Debug)]
pub struct Attempt {
    /// Source address and port.
    pub source: SocketAddr,
    /// When connect was called.
    pub began: Instant,
    /// When we learnt of the end, or stopped to wait.
    pub ended: Instant,
    /// The end.
    pub result: Outcome,
}

/// How an attempt ended.
#[derive(Debug)]
pub enum Outcome {
    /// The connection is open.
    Opened(Stream),
    /// It failed.
    Failed(Failure),
    /// Nothing yet. Given back so that one can wait longer: a host that its router can't resolve is
    /// reported after 3 seconds and a little. Drop it to give up.
    Silent(Pending),
}

/// An open connection. Dropping it closes it as [`Close::Fin`] would, but without taking unread data, so
/// that a peer which spoke first gets a reset.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    /// How the peer had ended it before it was looked at.
    ended: Option<Peer>,
}

/// How to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// With a FIN, politely; our side keeps its tuple in `TIME_WAIT` if we are first.
    Fin,
    /// With a RST (`SO_LINGER` 0): the tuple is free at once.
    Reset,
}

/// What the peer did without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// It closed (FIN) before a byte.
    Closed,
    /// It reset the connection.
    Reset,
    /// It sent; so many bytes are there, 1 or more, and left unread.
    Data(usize),
    /// Nothing in that time.
    Quiet,
    /// The connection broke in another way.
    Failed(Errno),
}

impl Stream {
    fn new(socket: Socket, ended: Option<Peer>) -> Self {
        // Never refused for a socket that is open.
        let _ = socket.set(&Setting::FinOnClose);
        Self { socket, ended }
    }

    /// What the kernel measured.
    ///
    /// # Errors
    /// The kernel's error; `EPROTO` if it gave fewer than eight bytes.
    pub fn tcp_info(&self) -> Result<TcpInfo, Errno> {
        info(&self.socket)
    }

    /// Source address and port.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn source(&self) -> Result<SocketAddr, Errno> {
        self.socket.local()
    }

    /// Waits up to `patience` for the peer to close, reset or speak; sends and consumes nothing.
    pub async fn peer_closed_soon(&self, patience: Duration) -> Peer {
        if let Some(ended) = self.ended {
            return ended;
        }
        let deadline = Instant::now() + patience;
        let look = || match self.socket.peek(4096) {
            Ok(bytes) if bytes.is_empty() => Some(Peer::Closed),
            Ok(bytes) => Some(Peer::Data(bytes.len())),
            Err(Errno::ECONNRESET) => Some(Peer::Reset),
            Err(errno) if errno.is_transient() => None,
            Err(errno) => Some(Peer::Failed(errno)),
        };
        let found = self.socket.until(Readiness::Input, deadline, look).await;
        found.unwrap_or(Peer::Quiet)
    }

    /// What the peer has sent so far, at most `limit` bytes, left unread; waits up to `patience` until it is enough. Empty where it has
    /// sent nothing. Sends and consumes nothing.
    pub async fn said(
        &self,
        limit: usize,
        patience: Duration,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Vec<u8> {
        let mut known = 0;
        let look = || match self.socket.peek(limit) {
            Err(errno) if errno.is_transient() => None,
            Err(_) => Some(Vec::new()),
            // Woken, and no more has come: it has closed.
            Ok(bytes) if bytes.len() == known || enough(&bytes) => Some(bytes),
            Ok(bytes) => {
                known = bytes.len();
                None
            }
        };
        let deadline = Instant::now() + patience;
        let found = self.socket.until(Readiness::Input, deadline, look).await;
        found
            .or_else(|| self.socket.peek(limit).ok())
            .unwrap_or_default()
    }

    /// Sets the TTL or hop limit of what is sent from now on.
    ///
    /// # Errors
    /// The kernel's error: `EINVAL` for 0.
    pub fn set_ttl(&self, ttl: u8) -> Result<(), Errno> {
        self.socket.set(&Setting::Ttl(ttl))
    }

    /// Sets the lowest TTL accepted from now on; 0 accepts all.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn set_min_ttl(&self, ttl: u8) -> Result<(), Errno> {
        self.socket.set(&Setting::MinTtl(ttl))
    }

    /// Ends the connection.
    pub fn close(self, how: Close) {
        end(&self.socket, how);
    }

    /// The same connection for reading and writing.
    ///
    /// # Errors
    /// The kernel's or the reactor's error.
    pub fn into_tokio(self) -> Result<TcpStream, Errno> {
        self.socket.into_stream()
    }
}

fn end(socket: &Socket, how: Close) {
    match how {
        Close::Fin => socket.finish(),
        // Refused only for a closed socket, which needs no reset.
        Close::Reset => drop(socket.set(&Setting::ResetOnClose)),
    }
}

/// What the kernel measured on a stream of tokio's.
///
/// # Errors
/// As [`Stream::tcp_info`].
pub fn info_of(stream: &TcpStream) -> Result<TcpInfo, Errno> {
    platform::lend(stream, info)?
}

/// Takes the ICMP errors queued on a stream of tokio's that [`Stream::into_tokio`] made. In ESTABLISHED
/// Linux queues none for TCP (`tcp_v4_err`): an error shows as `SO_ERROR` alone.
pub fn errors_of(stream: &TcpStream) -> Vec<QueuedError> {
    platform::lend(stream, Socket::receive_errors).unwrap_or_default()
}

/// Ends a stream of tokio's.
pub fn close(stream: TcpStream, how: Close) {
    let _ = platform::lend(&stream, |socket| end(socket, how));
    drop(stream);
}

#[cfg(test)]
mod tests;
