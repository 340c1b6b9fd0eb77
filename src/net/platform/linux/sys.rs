//! The system calls that no crate wraps: socket options by number, and `recvmsg` with control data.

use std::io;
use std::mem::size_of;
use std::os::fd::RawFd;
use std::os::raw::{c_int, c_void};
use std::ptr;

use crate::net::errno::Errno;
use crate::net::flow::Family;
use crate::net::platform::Instruction;

/// `include/uapi/linux/in.h`, `include/uapi/linux/in6.h`, `include/uapi/linux/icmp.h`,
/// `include/uapi/linux/icmpv6.h`: not in libc.
const IP_RECVERR_RFC4884: c_int = 26;
const IPV6_RECVERR_RFC4884: c_int = 31;
const SOL_RAW: c_int = 255;
const ICMP_FILTER: c_int = 1;
const ICMPV6_FILTER: c_int = 1;

/// Types that a raw ICMP socket lets through: of ICMP (below 32) and of `ICMPv6`.
pub(super) type Types = (&'static [u8], &'static [u8]);
/// Echo replies.
pub(super) const ECHO_REPLIES: Types = (&[0], &[129]);
/// Echo replies and the errors: unreachable, packet too big, time exceeded, parameter problem.
pub(super) const ANSWERS: Types = (&[0, 3, 11, 12], &[129, 1, 2, 3, 4]);

/// The larger of what the error queue's control data may need.
const CONTROL: usize = 512;
/// `sizeof(struct sockaddr_storage)`.
const NAME: usize = 128;
/// More than any kernel's `struct tcp_info`.
const TCP_INFO: usize = 512;

/// What `recvmsg` gave, cut to what it wrote.
#[derive(Debug)]
pub(super) struct RawMessage {
    pub(super) data: Vec<u8>,
    pub(super) control: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) flags: c_int,
}

fn set<T: Copy>(fd: RawFd, level: c_int, name: c_int, value: T) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the pointer and the length describe `value`, which lives until the call returns; the kernel
    // only reads it. A closed descriptor is an error, not undefined.
    let status = unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            ptr::from_ref(&value).cast::<c_void>(),
            length,
        )
    };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error().into())
    }
}

fn read<const N: usize>(fd: RawFd, level: c_int, name: c_int) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0u8; N];
    let mut length = libc::socklen_t::try_from(N).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the pointer and `length` describe `bytes`, which the kernel may write up to that length.
    let status = unsafe {
        libc::getsockopt(
            fd,
            level,
            name,
            bytes.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error().into());
    }
    bytes.truncate(usize::try_from(length).unwrap_or(0));
    Ok(bytes)
}

/// The error queue, RFC 4884 offsets, kernel timestamps and received TTLs.
pub(super) fn report_errors(fd: RawFd, family: Family) -> Result<(), Errno> {
    let on: c_int = 1;
    match family {
        Family::V4 => {
            set(fd, libc::SOL_IP, libc::IP_RECVERR, on)?;
            // An extra that an older kernel or a sandbox lacks: its absence shows as `None`.
            let _ = set(fd, libc::SOL_IP, IP_RECVERR_RFC4884, on);
        }
        Family::V6 => {
            set(fd, libc::SOL_IPV6, libc::IPV6_RECVERR, on)?;
            let _ = set(fd, libc::SOL_IPV6, IPV6_RECVERR_RFC4884, on);
        }
    }
    report_arrivals(fd, family);
    Ok(())
}

/// Kernel timestamps and received TTLs: extras, too, whose absence shows as `None`.
pub(super) fn report_arrivals(fd: RawFd, family: Family) {
    let on: c_int = 1;
    let _ = match family {
        Family::V4 => set(fd, libc::SOL_IP, libc::IP_RECVTTL, on),
        Family::V6 => set(fd, libc::SOL_IPV6, libc::IPV6_RECVHOPLIMIT, on),
    };
    let _ = set(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, on);
}

/// A raw socket would else get every ICMP message of the machine.
pub(super) fn only_messages(fd: RawFd, family: Family, (v4, v6): Types) -> Result<(), Errno> {
    match family {
        // A set bit blocks.
        Family::V4 => {
            let open = v4.iter().fold(0u32, |open, kind| open | 1 << (kind % 32));
            set(fd, SOL_RAW, ICMP_FILTER, !open)
        }
        Family::V6 => {
            let mut blocked = [u32::MAX; 8];
            for kind in v6 {
                if let Some(word) = blocked.get_mut(usize::from(*kind) / 32) {
                    *word &= !(1 << (kind % 32));
                }
            }
            set(fd, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, blocked)
        }
    }
}

/// Attaches a classic BPF program (`SO_ATTACH_FILTER`, socket(7)); the kernel checks it and copies it.
pub(super) fn attach_filter(fd: RawFd, program: &[Instruction]) -> Result<(), Errno> {
    let mut code: Vec<libc::sock_filter> = program
        .iter()
        .map(|instruction| libc::sock_filter {
            code: instruction.code,
            jt: instruction.then,
            jf: instruction.otherwise,
            k: instruction.value,
        })
        .collect();
    let program = libc::sock_fprog {
        len: u16::try_from(code.len()).map_err(|_| Errno::EINVAL)?,
        filter: code.as_mut_ptr(),
    };
    // The pointer in it is to `code`, of the length beside it, which outlives the call.
    set(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program)
}

pub(super) fn set_tos(fd: RawFd, family: Family, tos: u8) -> Result<(), Errno> {
    match family {
        Family::V4 => set(fd, libc::SOL_IP, libc::IP_TOS, c_int::from(tos)),
        Family::V6 => set(fd, libc::SOL_IPV6, libc::IPV6_TCLASS, c_int::from(tos)),
    }
}

pub(super) fn set_ttl(fd: RawFd, family: Family, ttl: u8) -> Result<(), Errno> {
    match family {
        Family::V4 => set(fd, libc::SOL_IP, libc::IP_TTL, c_int::from(ttl)),
        Family::V6 => set(
            fd,
            libc::SOL_IPV6,
            libc::IPV6_UNICAST_HOPS,
            c_int::from(ttl),
        ),
    }
}

/// -1 is "the system's default", which is also where a socket starts.
pub(super) fn set_system_ttl(fd: RawFd, family: Family) -> Result<(), Errno> {
    let default: c_int = -1;
    match family {
        Family::V4 => set(fd, libc::SOL_IP, libc::IP_TTL, default),
        Family::V6 => set(fd, libc::SOL_IPV6, libc::IPV6_UNICAST_HOPS, default),
    }
}

pub(super) fn set_min_ttl(fd: RawFd, family: Family, ttl: u8) -> Result<(), Errno> {
    match family {
        Family::V4 => set(fd, libc::SOL_IP, libc::IP_MINTTL, c_int::from(ttl)),
        Family::V6 => set(fd, libc::SOL_IPV6, libc::IPV6_MINHOPCOUNT, c_int::from(ttl)),
    }
}

/// Sends the label given with the address (network order) in place of a random one.
pub(super) fn use_own_flow_label(fd: RawFd, family: Family) -> Result<(), Errno> {
    if family == Family::V4 {
        return Ok(());
    }
    set(fd, libc::SOL_IPV6, libc::IPV6_AUTOFLOWLABEL, 0 as c_int)?;
    set(fd, libc::SOL_IPV6, libc::IPV6_FLOWINFO_SEND, 1 as c_int)
}

/// One option for both families: IPv6 sockets take it at the IPv4 level too.
pub(super) fn set_port_at_connect(fd: RawFd) -> Result<(), Errno> {
    set(fd, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1 as c_int)
}

pub(super) fn forbid_fragments(fd: RawFd, family: Family) -> Result<(), Errno> {
    discover(fd, family, libc::IP_PMTUDISC_DO, libc::IPV6_PMTUDISC_DO)
}

pub(super) fn probe_mtu(fd: RawFd, family: Family) -> Result<(), Errno> {
    discover(
        fd,
        family,
        libc::IP_PMTUDISC_PROBE,
        libc::IPV6_PMTUDISC_PROBE,
    )
}

fn discover(fd: RawFd, family: Family, v4: c_int, v6: c_int) -> Result<(), Errno> {
    match family {
        Family::V4 => set(fd, libc::SOL_IP, libc::IP_MTU_DISCOVER, v4),
        Family::V6 => set(fd, libc::SOL_IPV6, libc::IPV6_MTU_DISCOVER, v6),
    }
}

pub(super) fn tcp_info(fd: RawFd) -> Result<Vec<u8>, Errno> {
    read::<TCP_INFO>(fd, libc::SOL_TCP, libc::TCP_INFO)
}

pub(super) fn path_mtu(fd: RawFd, family: Family) -> Option<u32> {
    let bytes = match family {
        Family::V4 => read::<4>(fd, libc::SOL_IP, libc::IP_MTU),
        Family::V6 => read::<4>(fd, libc::SOL_IPV6, libc::IPV6_MTU),
    };
    Some(u32::from_ne_bytes(*bytes.ok()?.first_chunk()?))
}

/// One message of at most `limit` bytes, without waiting.
pub(super) fn receive(fd: RawFd, limit: usize, flags: c_int) -> Result<RawMessage, Errno> {
    let mut data = vec![0u8; limit];
    // Control data is read by byte offsets, but the kernel wants it aligned for its own headers.
    let mut control = vec![0u64; CONTROL / size_of::<u64>()];
    let mut name = vec![0u8; NAME];
    let mut part = libc::iovec {
        iov_base: data.as_mut_ptr().cast::<c_void>(),
        iov_len: data.len(),
    };
    // SAFETY: `msghdr` is plain data for which all zeros is a valid value (padding differs by libc).
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = name.as_mut_ptr().cast::<c_void>();
    message.msg_namelen = libc::socklen_t::try_from(NAME).map_err(|_| Errno::EINVAL)?;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast::<c_void>();
    message.msg_controllen = CONTROL as _;
    let length = loop {
        // SAFETY: every pointer in `message` is to a live buffer of the length beside it, all of them
        // outlive the call, and nothing else refers to them meanwhile.
        let got = unsafe { libc::recvmsg(fd, &raw mut message, flags | libc::MSG_DONTWAIT) };
        match usize::try_from(got) {
            Ok(length) => break length,
            Err(_) => match Errno::from(io::Error::last_os_error()) {
                Errno::EINTR => {}
                error => return Err(error),
            },
        }
    };
    data.truncate(length);
    #[allow(clippy::unnecessary_cast, reason = "the field's type differs by libc")]
    let control_length = message.msg_controllen as usize;
    let mut control: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
    control.truncate(control_length);
    name.truncate(usize::try_from(message.msg_namelen).unwrap_or(0));
    Ok(RawMessage {
        data,
        control,
        name,
        flags: message.msg_flags,
    })
}

/// `AT_SECURE` of the auxiliary vector (`getauxval(3)`).
pub(super) fn secure_execution() -> bool {
    const AT_SECURE: libc::c_ulong = 23;
    // SAFETY: reads a word that the kernel put on the stack at exec; no pointer is involved.
    unsafe { libc::getauxval(AT_SECURE) != 0 }
}

/// Marks all descriptors from this one on, so that no program that is started has them (close_range(2); before Linux 5.11 one by one).
pub(super) fn close_on_exec_from(first: libc::c_uint) {
    /// So many are marked one by one: more than `RLIMIT_NOFILE` lets an ordinary process have.
    const MANY: libc::c_int = 4096;
    let all = libc::c_uint::MAX;
    // SAFETY: three integers; no pointer is involved.
    let marked =
        unsafe { libc::syscall(libc::SYS_close_range, first, all, libc::CLOSE_RANGE_CLOEXEC) };
    if marked == 0 {
        return;
    }
    for descriptor in libc::c_int::try_from(first).unwrap_or(MANY)..MANY {
        // SAFETY: integers alone; a descriptor that is not open is an error, and nothing to be marked.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Leaves in the bounding set what listing rules takes alone, so that root's program gets no more (capabilities(7), "Capabilities and
/// execution of programs by root"). Without `CAP_SETPCAP` the set stays as it is.
pub(super) fn bound_to_listing() {
    /// `CAP_NET_ADMIN`, `CAP_NET_RAW` (linux/capability.h).
    const KEPT: [libc::c_ulong; 2] = [12, 13];
    for capability in (0..64).filter(|number| !KEPT.contains(number)) {
        // SAFETY: integers alone; it fails beyond the last capability that the kernel knows.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

/// Has this process killed when the thread ends that started it (prctl(2), `PR_SET_PDEATHSIG`).
pub(super) fn die_with_parent() {
    // SAFETY: integers alone.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
}
