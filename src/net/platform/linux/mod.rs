//! Linux: sockets with their error queue, netlink, privileges.

mod cmsg;
mod rights;
mod sys;

use std::io::Read;
use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;

pub(in crate::net) use rights::{drop_privileges, with_right};

use super::{Incoming, Kind, Readiness, Setting};
use crate::net::errno::Errno;
use crate::net::flow::Family;
use crate::net::queue::{MAX_ENTRIES, MAX_PAYLOAD, QueuedError};

/// Netlink answers at once; whoever sandboxes it away must not hang us.
const NETLINK_TIMEOUT: Duration = Duration::from_secs(2);

/// A non-blocking socket in tokio's reactor, with its error queue and kernel timestamps on.
#[derive(Debug)]
pub(in crate::net) struct Socket {
    io: Io,
    family: Family,
}

/// A socket of our own, or one that a caller lends for a moment.
#[derive(Debug)]
enum Io {
    Own(AsyncFd<socket2::Socket>),
    Lent(ManuallyDrop<socket2::Socket>),
}

impl Socket {
    /// Makes it.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub(in crate::net) fn open(kind: Kind, family: Family) -> Result<Self, Errno> {
        let (domain, icmp) = match family {
            Family::V4 => (Domain::IPV4, Protocol::ICMPV4),
            Family::V6 => (Domain::IPV6, Protocol::ICMPV6),
        };
        let (socket_type, protocol) = match kind {
            Kind::Tcp => (Type::STREAM, Protocol::TCP),
            Kind::Udp => (Type::DGRAM, Protocol::UDP),
            Kind::Ping => (Type::DGRAM, icmp),
            Kind::RawIcmp | Kind::RawMessages => (Type::RAW, icmp),
            Kind::RawSegments => (Type::RAW, Protocol::TCP),
            Kind::RawPackets => (Type::RAW, Protocol::from(libc::IPPROTO_RAW)),
        };
        let raw = socket2::Socket::new(domain, socket_type, Some(protocol))?;
        raw.set_nonblocking(true)?;
        let fd = raw.as_raw_fd();
        match kind {
            // What they receive is read whole: the queue would only hold it a second time, and for every program of the machine.
            Kind::RawMessages | Kind::RawSegments | Kind::RawPackets => {
                sys::report_arrivals(fd, family);
            }
            _ => sys::report_errors(fd, family)?,
        }
        match kind {
            Kind::RawIcmp => sys::only_messages(fd, family, sys::ECHO_REPLIES)?,
            Kind::RawMessages => sys::only_messages(fd, family, sys::ANSWERS)?,
            _ => {}
        }
        // SAFETY: the socket owns its open descriptor, always hands out this one, and is moved into the
        // `AsyncFd`, which gives it back only by `into_inner` or drops it.
        let io = unsafe { AsyncFd::register(raw) }.map_err(std::io::Error::from)?;
        Ok(Self {
            io: Io::Own(io),
            family,
        })
    }

    fn inner(&self) -> &socket2::Socket {
        match &self.io {
            Io::Own(io) => io.get_ref(),
            Io::Lent(socket) => socket,
        }
    }

    fn fd(&self) -> RawFd {
        self.inner().as_raw_fd()
    }

    pub(in crate::net) fn set(&self, setting: &Setting<'_>) -> Result<(), Errno> {
        let socket = self.inner();
        match *setting {
            Setting::Interface(name) => Ok(socket.bind_device(Some(name.as_bytes()))?),
            Setting::ReuseAddress => Ok(socket.set_reuse_address(true)?),
            Setting::MaxSegment(bytes) => Ok(socket.set_tcp_mss(bytes.into())?),
            Setting::ResetOnClose => Ok(socket.set_linger(Some(Duration::ZERO))?),
            Setting::FinOnClose => Ok(socket.set_linger(None)?),
            Setting::Tos(tos) => sys::set_tos(self.fd(), self.family, tos),
            Setting::Ttl(ttl) => sys::set_ttl(self.fd(), self.family, ttl),
            Setting::SystemTtl => sys::set_system_ttl(self.fd(), self.family),
            Setting::MinTtl(ttl) => sys::set_min_ttl(self.fd(), self.family, ttl),
            Setting::OwnFlowLabel => sys::use_own_flow_label(self.fd(), self.family),
            Setting::PortAtConnect => sys::set_port_at_connect(self.fd()),
            Setting::ForbidFragments => sys::forbid_fragments(self.fd(), self.family),
            Setting::ProbeMtu => sys::probe_mtu(self.fd(), self.family),
            Setting::Filter(program) => sys::attach_filter(self.fd(), program),
        }
    }

    pub(in crate::net) fn bind(&self, address: SocketAddr) -> Result<(), Errno> {
        Ok(self.inner().bind(&SockAddr::from(address))?)
    }

    /// Connects; on its way (`EINPROGRESS`) is success.
    pub(in crate::net) fn connect(&self, address: SocketAddr) -> Result<(), Errno> {
        let address = SockAddr::from(address);
        loop {
            match self.inner().connect(&address).map_err(Errno::from) {
                Err(Errno::EINTR) => {}
                Err(Errno::EINPROGRESS) => return Ok(()),
                other => return other,
            }
        }
    }

    pub(in crate::net) fn local(&self) -> Result<SocketAddr, Errno> {
        let address = self.inner().local_addr()?;
        address.as_socket().ok_or(Errno::EAFNOSUPPORT)
    }

    pub(in crate::net) fn is_connected(&self) -> bool {
        self.inner().peer_addr().is_ok()
    }

    /// Takes `SO_ERROR`, the hard error or else the soft one.
    pub(in crate::net) fn take_error(&self) -> Option<Errno> {
        match self.inner().take_error() {
            Ok(pending) => pending.map(Errno::from),
            Err(error) => Some(error.into()),
        }
    }

    pub(in crate::net) fn send(
        &self,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> Result<usize, Errno> {
        loop {
            let sent = match to {
                Some(to) => self.inner().send_to(bytes, &SockAddr::from(to)),
                None => self.inner().send(bytes),
            };
            match sent.map_err(Errno::from) {
                Err(Errno::EINTR) => {}
                other => return other,
            }
        }
    }

    /// Takes one message of at most `limit` bytes.
    pub(in crate::net) fn receive(&self, limit: usize) -> Result<Incoming, Errno> {
        let raw = sys::receive(self.fd(), limit, 0)?;
        Ok(cmsg::incoming(raw))
    }

    /// The bytes that there are to read, without taking them; none when the peer closed.
    pub(in crate::net) fn peek(&self, limit: usize) -> Result<Vec<u8>, Errno> {
        Ok(sys::receive(self.fd(), limit, libc::MSG_PEEK)?.data)
    }

    /// Takes one entry of the error queue.
    pub(in crate::net) fn receive_error(&self) -> Option<QueuedError> {
        // An entry without a readable cause says nothing, but others may be queued behind it.
        for _ in 0..MAX_ENTRIES {
            let raw = sys::receive(self.fd(), MAX_PAYLOAD, libc::MSG_ERRQUEUE).ok()?;
            if let Some(entry) = cmsg::queued(raw) {
                return Some(entry);
            }
        }
        None
    }

    /// Takes all entries of the error queue, up to a bound.
    pub(in crate::net) fn receive_errors(&self) -> Vec<QueuedError> {
        std::iter::from_fn(|| self.receive_error())
            .take(MAX_ENTRIES)
            .collect()
    }

    pub(in crate::net) fn tcp_info(&self) -> Result<Vec<u8>, Errno> {
        sys::tcp_info(self.fd())
    }

    /// The path MTU that the kernel assumes for a connected socket.
    pub(in crate::net) fn path_mtu(&self) -> Option<u32> {
        sys::path_mtu(self.fd(), self.family)
    }

    /// Ends our side with a FIN and takes what the peer sent, so that closing sends no reset.
    pub(in crate::net) fn finish(&self) {
        let _ = self.inner().shutdown(std::net::Shutdown::Write);
        let mut scrap = [0u8; 4096];
        let mut reader = self.inner();
        for _ in 0..16 {
            if !matches!(reader.read(&mut scrap), Ok(1..)) {
                break;
            }
        }
    }

    pub(in crate::net) fn into_stream(self) -> Result<TcpStream, Errno> {
        match self.io {
            Io::Own(io) => Ok(TcpStream::from_std(io.into_inner().into())?),
            Io::Lent(_) => Err(Errno::EINVAL),
        }
    }

    /// Calls `look` whenever the socket may be ready, until it finds something or `deadline` is over; it is
    /// called once at least.
    pub(in crate::net) async fn until<T>(
        &self,
        readiness: Readiness,
        deadline: Instant,
        mut look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let Io::Own(io) = &self.io else { return look() };
        let interest = match readiness {
            Readiness::Input => Interest::READABLE | Interest::ERROR,
            Readiness::Output => Interest::WRITABLE | Interest::ERROR,
        };
        loop {
            let ready = tokio::time::timeout_at(deadline.into(), io.ready(interest)).await;
            let Ok(Ok(mut guard)) = ready else {
                return look();
            };
            if let Some(found) = look() {
                return Some(found);
            }
            guard.clear_ready();
        }
    }
}

/// Runs `with` on a stream of tokio's as if it were our socket.
pub(in crate::net) fn lend<T>(
    stream: &TcpStream,
    with: impl FnOnce(&Socket) -> T,
) -> Result<T, Errno> {
    let family = Family::of(stream.local_addr()?.ip());
    // SAFETY: the descriptor is open for as long as `stream` is borrowed, and `ManuallyDrop` leaves the
    // closing to its owner.
    let socket = unsafe { socket2::Socket::from_raw_fd(stream.as_raw_fd()) };
    let socket = Socket {
        io: Io::Lent(ManuallyDrop::new(socket)),
        family,
    };
    Ok(with(&socket))
}

/// A route netlink socket; blocking, with a timeout.
#[derive(Debug)]
pub(in crate::net) struct Netlink(socket2::Socket);

impl Netlink {
    pub(in crate::net) fn open() -> Result<Self, Errno> {
        let socket = socket2::Socket::new(
            Domain::from(libc::AF_NETLINK),
            Type::RAW,
            Some(Protocol::from(libc::NETLINK_ROUTE)),
        )?;
        socket.set_read_timeout(Some(NETLINK_TIMEOUT))?;
        // Only costs speed where it is refused.
        let _ = socket.set_recv_buffer_size(1 << 20);
        Ok(Self(socket))
    }

    pub(in crate::net) fn send(&self, request: &[u8]) -> Result<(), Errno> {
        self.0.send(request)?;
        Ok(())
    }

    pub(in crate::net) fn receive<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], Errno> {
        loop {
            let mut socket = &self.0;
            match socket.read(buffer).map_err(Errno::from) {
                Ok(length) => return buffer.get(..length).ok_or(Errno::EOVERFLOW),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Err(Errno::ETIMEDOUT),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Keeps from a program that is started every descriptor beyond the first three, and all capabilities but those by which rules are
/// listed; it is killed when the thread ends that starts it.
pub(in crate::net) fn confine(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: the closure makes system calls alone, which are safe between fork and exec (signal-safety(7)).
    unsafe {
        command.pre_exec(|| {
            sys::close_on_exec_from(3);
            sys::bound_to_listing();
            sys::die_with_parent();
            Ok(())
        })
    };
}

/// Whether the kernel gave this program more than its caller has: set-user-id or file capabilities.
pub(in crate::net) fn started_elevated() -> bool {
    sys::secure_execution()
}

/// Whether the effective user id is 0.
pub(in crate::net) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a child of this process still runs; one that has ended keeps its number until it is waited for (`WNOWAIT`, waitid(2)).
pub(in crate::net) fn still_runs(child: u32) -> Result<bool, Errno> {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    let child = i32::try_from(child).map_err(|_| Errno::EOVERFLOW)?;
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let status = waitid(Id::Pid(nix::unistd::Pid::from_raw(child)), flags);
    let status = status.map_err(|errno| Errno::from(std::io::Error::from(errno)))?;
    Ok(status == WaitStatus::StillAlive)
}
