//! Control messages → timestamps, TTLs and queued errors. Pure: bytes in, values out.
//!
//! Source: `include/linux/socket.h` (`struct cmsghdr`), `include/uapi/linux/errqueue.h`.

#![deny(clippy::indexing_slicing)]

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::raw::c_int;
use std::time::{Duration, Instant, SystemTime};

use super::sys::RawMessage;
use crate::net::clock;
use crate::net::errno::Errno;
use crate::net::platform::Incoming;
use crate::net::queue::{Origin, QueuedError};

/// The kernel's `struct cmsghdr`: a length of the size of a pointer, level and type.
const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 8;
/// `struct sock_extended_err`.
const EXTENDED: usize = 16;
/// `SO_EE_RFC4884_FLAG_INVALID`.
const EXTENSION_INVALID: u8 = 1;

/// The control messages in `bytes`: level, type and data. Ends at the first that does not fit.
fn messages(bytes: &[u8]) -> impl Iterator<Item = (c_int, c_int, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from_ne_bytes(*rest.first_chunk()?);
        let level = c_int::from_ne_bytes(*rest.get(WORD..)?.first_chunk()?);
        let kind = c_int::from_ne_bytes(*rest.get(WORD + 4..)?.first_chunk()?);
        let data = rest.get(HEADER..length)?;
        let next = length.checked_next_multiple_of(WORD)?;
        rest = rest.get(next..).unwrap_or_default();
        Some((level, kind, data))
    })
}

#[derive(Debug, Default)]
struct Control {
    received: Option<SystemTime>,
    ttl: Option<u8>,
    error: Option<Extended>,
}

#[derive(Debug)]
struct Extended {
    errno: u32,
    origin: u8,
    icmp_type: u8,
    icmp_code: u8,
    info: u32,
    extension: u16,
    extension_flags: u8,
    offender: Option<SocketAddr>,
}

fn control(bytes: &[u8]) -> Control {
    let mut found = Control::default();
    for (level, kind, data) in messages(bytes) {
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                found.received = timestamp(data).or(found.received);
            }
            (libc::SOL_IP, libc::IP_TTL) | (libc::SOL_IPV6, libc::IPV6_HOPLIMIT) => {
                found.ttl = hops(data).or(found.ttl);
            }
            (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR) => {
                found.error = extended(data).or(found.error);
            }
            _ => {}
        }
    }
    found
}

fn hops(data: &[u8]) -> Option<u8> {
    u8::try_from(c_int::from_ne_bytes(*data.first_chunk()?)).ok()
}

/// A `timespec` of 64-bit or, on 32-bit systems, of 32-bit fields.
fn timestamp(data: &[u8]) -> Option<SystemTime> {
    let (seconds, nanos) = if data.len() >= 16 {
        (
            i64::from_ne_bytes(*data.first_chunk()?),
            i64::from_ne_bytes(*data.get(8..)?.first_chunk()?),
        )
    } else {
        (
            i32::from_ne_bytes(*data.first_chunk()?).into(),
            i32::from_ne_bytes(*data.get(4..)?.first_chunk()?).into(),
        )
    };
    let nanos = u32::try_from(nanos).ok().filter(|&n| n < 1_000_000_000)?;
    let since = Duration::new(u64::try_from(seconds).ok()?, nanos);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

fn extended(data: &[u8]) -> Option<Extended> {
    let fixed: &[u8; EXTENDED] = data.first_chunk()?;
    let [
        e0,
        e1,
        e2,
        e3,
        origin,
        icmp_type,
        icmp_code,
        _pad,
        i0,
        i1,
        i2,
        i3,
        x0,
        x1,
        flags,
        _,
    ] = *fixed;
    Some(Extended {
        errno: u32::from_ne_bytes([e0, e1, e2, e3]),
        origin,
        icmp_type,
        icmp_code,
        info: u32::from_ne_bytes([i0, i1, i2, i3]),
        extension: u16::from_ne_bytes([x0, x1]),
        extension_flags: flags,
        offender: data.get(EXTENDED..).and_then(address),
    })
}

/// A `sockaddr_in` or `sockaddr_in6`; `None` for `AF_UNSPEC` and what is too short.
fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = c_int::from(u16::from_ne_bytes(*bytes.first_chunk()?));
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match family {
        libc::AF_INET => {
            let ip: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Some(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(ip), port)))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
            let scope = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
            let ip = Ipv6Addr::from(ip);
            Some(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)))
        }
        _ => None,
    }
}

/// The monotonic moment of a kernel timestamp, else now.
fn moment(received: Option<SystemTime>) -> Instant {
    received
        .and_then(clock::instant_of)
        .unwrap_or_else(Instant::now)
}

/// A message from the ordinary queue.
pub(super) fn incoming(raw: RawMessage) -> Incoming {
    let found = control(&raw.control);
    Incoming {
        truncated: raw.flags & libc::MSG_TRUNC != 0,
        from: address(&raw.name),
        ttl: found.ttl,
        received: found.received,
        at: moment(found.received),
        bytes: raw.data,
    }
}

/// A message from the error queue; `None` without an extended error.
pub(super) fn queued(raw: RawMessage) -> Option<QueuedError> {
    let found = control(&raw.control);
    let error = found.error?;
    let extension = usize::from(error.extension);
    let usable = extension != 0
        && error.extension_flags & EXTENSION_INVALID == 0
        && extension < raw.data.len();
    let origin = Origin::from_code(error.origin);
    let icmp = matches!(origin, Origin::Icmp | Origin::Icmp6);
    Some(QueuedError {
        errno: Errno::from_code(i32::try_from(error.errno).unwrap_or(i32::MAX)),
        origin,
        icmp_type: error.icmp_type,
        icmp_code: error.icmp_code,
        info: error.info,
        offender: error.offender.map(|at| plain(at.ip())),
        destination: address(&raw.name),
        ttl: found.ttl,
        received: found.received,
        at: moment(found.received),
        payload: raw.data,
        extension_offset: (icmp && usable).then_some(extension),
    })
}

/// IPv6 sockets show IPv4 senders as mapped addresses.
fn plain(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

#[cfg(test)]
mod tests;
