//! Plain probes of the harness's own, with which the lab is checked: nothing here is the tool's.

use std::{
    io,
    mem::MaybeUninit,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    os::fd::{AsFd as _, AsRawFd as _},
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};

use crate::net::Namespace;

/// An ICMP error that came back for a datagram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reply {
    /// Who sent it
    pub(crate) from: IpAddr,
    /// Its ICMP type
    pub(crate) kind: u8,
    /// Its ICMP code
    pub(crate) code: u8,
    /// The MTU it names, 0 if none
    pub(crate) mtu: u32,
    /// After what time
    pub(crate) after: Duration,
}

/// Opens a TCP connection from inside.
pub(crate) fn connect(client: &Namespace, target: &str, wait: Duration) -> io::Result<TcpStream> {
    let target: SocketAddr = target.parse().expect("an address and port");
    client.run(|| TcpStream::connect_timeout(&target, wait))
}

/// Sends one datagram with this TTL from `source_port` (0: any) and waits for the ICMP error.
pub(crate) fn expire(
    client: &Namespace,
    target: SocketAddr,
    ttl: u32,
    source_port: u16,
    wait: Duration,
) -> Option<Reply> {
    send(client, target, ttl, source_port, 16, wait).expect("a datagram can be sent")
}

/// Binds a socket. One that was closed a moment ago may live on for as long as it takes a program that another test starts to be executed:
/// until then the child has all descriptors of this process.
fn bind(socket: &Socket, to: SocketAddr) -> io::Result<()> {
    for _ in 0..100 {
        match socket.bind(&to.into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                thread::sleep(Duration::from_millis(20));
            }
            other => return other,
        }
    }
    socket.bind(&to.into())
}

/// Sends one datagram of so many bytes of payload that may not be fragmented and waits for the ICMP error.
pub(crate) fn send(
    client: &Namespace,
    target: SocketAddr,
    ttl: u32,
    source_port: u16,
    size: usize,
    wait: Duration,
) -> io::Result<Option<Reply>> {
    let (v4, any) = match target {
        SocketAddr::V4(_) => (true, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        SocketAddr::V6(_) => (false, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let domain = Domain::for_address(target);
    let socket = client.run(|| Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)))?;
    bind(&socket, SocketAddr::new(any, source_port))?;
    if v4 {
        socket.set_ttl_v4(ttl)?;
        set(&socket, libc::SOL_IP, libc::IP_RECVERR, 1)?;
        set(
            &socket,
            libc::SOL_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_PROBE,
        )?;
    } else {
        socket.set_unicast_hops_v6(ttl)?;
        set(&socket, libc::SOL_IPV6, libc::IPV6_RECVERR, 1)?;
        set(
            &socket,
            libc::SOL_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_PROBE,
        )?;
    }
    let start = Instant::now();
    socket.send_to(&vec![0x6e; size], &target.into())?;
    let mut source = [PollFd::new(socket.as_fd(), PollFlags::empty())];
    let milliseconds = u16::try_from(wait.as_millis()).unwrap_or(u16::MAX);
    if poll(&mut source, PollTimeout::from(milliseconds))? == 0 {
        return Ok(None);
    }
    let after = start.elapsed();
    read_error(&socket, after).map(Some)
}

fn set(socket: &Socket, level: i32, option: i32, value: i32) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<i32>()).map_err(io::Error::other)?;
    // SAFETY: the option's value is an int that lives through the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size,
        )
    };
    nix::errno::Errno::result(result)?;
    Ok(())
}

/// Reads one entry of the error queue.
#[allow(
    clippy::cast_ptr_alignment,
    reason = "what the pointers lead to is read unaligned"
)]
fn read_error(socket: &Socket, after: Duration) -> io::Result<Reply> {
    let mut payload = [0_u8; 2048];
    let mut control = [0_u64; 64];
    let mut slice = libc::iovec {
        iov_base: payload.as_mut_ptr().cast(),
        iov_len: payload.len(),
    };
    // SAFETY: a msghdr of zeros is one without name, data and control.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the header's buffers live through the call, with their true sizes.
    let result = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_ERRQUEUE) };
    nix::errno::Errno::result(result)?;

    // SAFETY: the kernel filled the control buffer, and the macros stay within msg_controllen.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: not null, so it points at a whole header within the control buffer.
        let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        if (level, kind) == (libc::SOL_IP, libc::IP_RECVERR)
            || (level, kind) == (libc::SOL_IPV6, libc::IPV6_RECVERR)
        {
            // SAFETY: these messages carry a sock_extended_err followed by the sender's sockaddr (man 7 ip).
            let (error, sender) = unsafe {
                let data = libc::CMSG_DATA(header).cast::<libc::sock_extended_err>();
                (data.read_unaligned(), data.add(1).cast::<u8>())
            };
            // SAFETY: as above; the family, at the start, says which sockaddr it is.
            let from = unsafe { address(sender) };
            return Ok(Reply {
                from,
                kind: error.ee_type,
                code: error.ee_code,
                mtu: error.ee_info,
                after,
            });
        }
        // SAFETY: header came from these macros.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    Err(io::Error::other("an error without its cause"))
}

/// # Safety
/// `sender` points at a sockaddr of the family that it names, or of none.
unsafe fn address(sender: *const u8) -> IpAddr {
    // SAFETY: every sockaddr starts with its family.
    let family = unsafe { sender.cast::<libc::sa_family_t>().read_unaligned() };
    if i32::from(family) == libc::AF_INET6 {
        // SAFETY: the family says so.
        let v6 = unsafe { sender.cast::<libc::sockaddr_in6>().read_unaligned() };
        return IpAddr::from(v6.sin6_addr.s6_addr);
    }
    // SAFETY: the family says so; a sender of no family has zeros.
    let v4 = unsafe { sender.cast::<libc::sockaddr_in>().read_unaligned() };
    IpAddr::from(v4.sin_addr.s_addr.to_ne_bytes())
}
