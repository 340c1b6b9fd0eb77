//! One question to one name server: over UDP, sent again once, or over TCP.
//!
//! I/O. Each exchange has a socket of its own, so that its source port is random and connected, and that an ICMP error comes back as an
//! error of this very question. What it must not do: decide what is asked next.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout_at;

use super::config::PORT;
use super::message::{Question, Reading, Reply};
use crate::model::{Address, Endpoint, Outcome};

/// The largest datagram that is read; more was not asked for.
const LARGEST_DATAGRAM: usize = 4096;
/// At most so many datagrams that are no answer are passed over.
const MOST_STRAYS: usize = 64;

/// What came of it.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// What it comes to.
    pub(super) outcome: Outcome,
    /// The answer, where one came.
    pub(super) reply: Option<Reply>,
    /// When it was sent first.
    pub(super) sent: Instant,
    /// How long it took until its outcome.
    pub(super) took: Duration,
    /// The source port.
    pub(super) source_port: Option<u16>,
    /// How often it was sent again.
    pub(super) again: u32,
    /// The error of the operating system.
    pub(super) errno: Option<String>,
}

impl Heard {
    fn new(sent: Instant) -> Self {
        Self {
            outcome: Outcome::Timeout,
            reply: None,
            sent,
            took: Duration::ZERO,
            source_port: None,
            again: 0,
            errno: None,
        }
    }

    fn answered(&mut self, reply: Reply) {
        self.outcome = reply.outcome;
        self.reply = Some(reply);
    }

    fn failed(&mut self, outcome: Outcome, error: &io::Error) {
        self.outcome = outcome;
        self.errno = error.raw_os_error().map(errno_name);
    }

    fn ended(mut self) -> Self {
        self.took = self.sent.elapsed();
        self
    }
}

/// The name of an error number, such as `ECONNREFUSED`.
pub(super) fn errno_name(code: i32) -> String {
    format!("{:?}", Errno::from_raw(code))
}

/// Asks over UDP: at once with EDNS, and after `again` without an answer once more without EDNS, which some devices drop.
pub(super) async fn over_udp(
    server: &Endpoint,
    question: &Question,
    edns: bool,
    again: Duration,
    window: Duration,
) -> Heard {
    let mut heard = Heard::new(Instant::now());
    if let Err(error) = ask_udp(server, question, edns, again, window, &mut heard).await {
        let outcome = local_failure(&error).unwrap_or_else(|| icmp_failure(&error));
        heard.failed(outcome, &error);
    }
    heard.ended()
}

async fn ask_udp(
    server: &Endpoint,
    question: &Question,
    edns: bool,
    again: Duration,
    window: Duration,
    heard: &mut Heard,
) -> io::Result<()> {
    let end = tokio::time::Instant::now() + window;
    let mut resend = Some(tokio::time::Instant::now() + again).filter(|at| *at < end);
    let Some(bytes) = question.to_bytes(edns) else {
        heard.outcome = Outcome::OtherError;
        return Ok(());
    };
    let to = socket_address(server)?;
    let socket = UdpSocket::bind(unspecified(to)).await?;
    heard.source_port = socket.local_addr().ok().map(|address| address.port());
    if let Err(error) = socket.connect(to).await {
        return unroutable(error, heard);
    }
    socket.send(&bytes).await?;
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    let mut malformed = false;
    let mut strays = 0;
    loop {
        let received = timeout_at(resend.unwrap_or(end), socket.recv(&mut buffer)).await;
        match received {
            Err(_) if resend.take().is_some() => {
                heard.again += 1;
                let plain = question.to_bytes(false).unwrap_or_default();
                socket.send(&plain).await?;
            }
            Err(_) => break,
            Ok(Err(error)) => return Err(error),
            Ok(Ok(length)) => {
                match question.read(buffer.get(..length).unwrap_or_default()) {
                    Reading::Answer(reply) => {
                        heard.answered(reply);
                        return Ok(());
                    }
                    Reading::Malformed => malformed = true,
                    Reading::NotOurs => {}
                }
                strays += 1;
                if strays >= MOST_STRAYS {
                    break;
                }
            }
        }
    }
    if malformed {
        heard.outcome = Outcome::Malformed;
    }
    Ok(())
}

/// Asks over TCP.
pub(super) async fn over_tcp(
    server: &Endpoint,
    question: &Question,
    edns: bool,
    window: Duration,
) -> Heard {
    let mut heard = Heard::new(Instant::now());
    let end = tokio::time::Instant::now() + window;
    match timeout_at(end, ask_tcp(server, question, edns, &mut heard)).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => {
            let outcome = local_failure(&error).unwrap_or_else(|| tcp_failure(&error));
            heard.failed(outcome, &error);
        }
    }
    heard.ended()
}

async fn ask_tcp(
    server: &Endpoint,
    question: &Question,
    edns: bool,
    heard: &mut Heard,
) -> io::Result<()> {
    let Some(bytes) = question.to_bytes(edns) else {
        heard.outcome = Outcome::OtherError;
        return Ok(());
    };
    let mut stream = TcpStream::connect(socket_address(server)?).await?;
    heard.source_port = stream.local_addr().ok().map(|address| address.port());
    // RFC 7766 section 8: length and message in one segment.
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    stream
        .write_all(&[&length.to_be_bytes()[..], &bytes].concat())
        .await?;
    for _ in 0..MOST_STRAYS {
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        match question.read(&message) {
            // What is cut short over TCP is no answer to anything.
            Reading::Answer(reply) if reply.truncated => break,
            Reading::Answer(reply) => {
                heard.answered(reply);
                return Ok(());
            }
            Reading::Malformed => break,
            Reading::NotOurs => {}
        }
    }
    heard.outcome = Outcome::Malformed;
    Ok(())
}

/// The address of a server for a socket, its zone as the kernel's number.
fn socket_address(server: &Endpoint) -> io::Result<SocketAddr> {
    let port = server.port.unwrap_or(PORT);
    Ok(match server.address.ip() {
        IpAddr::V4(ip) => SocketAddr::from((ip, port)),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope(&server.address)?).into(),
    })
}

fn scope(address: &Address) -> io::Result<u32> {
    match address.zone() {
        None => Ok(0),
        Some(zone) => match zone.parse() {
            Ok(number) => Ok(number),
            Err(_) => {
                if_nametoindex(zone).map_err(|errno| io::Error::from_raw_os_error(errno as i32))
            }
        },
    }
}

const fn unspecified(to: SocketAddr) -> SocketAddr {
    match to {
        SocketAddr::V4(_) => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        SocketAddr::V6(_) => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
    }
}

/// A connect of a datagram socket sends nothing: these errors are the look-up of the route (`fib_props` in Linux `net/ipv4/fib_semantics.c`).
fn unroutable(error: io::Error, heard: &mut Heard) -> io::Result<()> {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EACCES | Errno::EINVAL) => {
            heard.failed(Outcome::NoRoute, &error);
            Ok(())
        }
        _ => Err(error),
    }
}

/// What an error is that can only come from this machine.
fn local_failure(error: &io::Error) -> Option<Outcome> {
    Some(match Errno::from_raw(error.raw_os_error()?) {
        Errno::EPERM => Outcome::Denied,
        Errno::EADDRNOTAVAIL => Outcome::AddressUnavailable,
        Errno::EADDRINUSE => Outcome::AddressInUse,
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => Outcome::SocketsExhausted,
        Errno::EAFNOSUPPORT => Outcome::FamilyUnsupported,
        Errno::ENETDOWN | Errno::ENODEV | Errno::ENXIO => Outcome::InterfaceDown,
        Errno::EMSGSIZE => Outcome::TooLong,
        _ => return None,
    })
}

/// What an error of a connected datagram socket says of the ICMP error that made it (`icmp_err_convert`, `icmpv6_err_convert`).
fn icmp_failure(error: &io::Error) -> Outcome {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Outcome::PortUnreachable,
        Some(Errno::EHOSTUNREACH | Errno::EHOSTDOWN) => Outcome::HostUnreachable,
        Some(Errno::ENETUNREACH) => Outcome::NetworkUnreachable,
        Some(Errno::EACCES) => Outcome::Prohibited,
        Some(Errno::ENOPROTOOPT) => Outcome::ProtocolUnreachable,
        _ => Outcome::OtherError,
    }
}

/// What an error of a connection says. An ICMP error and the look-up of the route can't be told apart by it; the question over UDP does.
fn tcp_failure(error: &io::Error) -> Outcome {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Outcome::Refused,
        Some(Errno::ENETUNREACH) => Outcome::NoRoute,
        Some(Errno::EHOSTUNREACH | Errno::EHOSTDOWN) => Outcome::HostUnreachable,
        Some(Errno::EACCES) => Outcome::Prohibited,
        Some(Errno::ECONNRESET | Errno::EPIPE) => Outcome::Reset,
        Some(Errno::ETIMEDOUT) => Outcome::Timeout,
        _ if error.kind() == io::ErrorKind::UnexpectedEof => Outcome::Closed,
        _ => Outcome::OtherError,
    }
}
