//! `getaddrinfo(3)`: what an application on this machine gets for a name.
//!
//! What it is for: the one honest call, with the reason of its failure kept. What it may use: the C library. What it must not do: judge,
//! retry, or bound its own time: it blocks for as long as the system's resolver does (ten seconds for one dead server), so that it is
//! called from a thread of its own that nobody waits for. It depends on no other module of the crate.

use std::ffi::{CStr, CString};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ptr;

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// Both families (`AF_UNSPEC`).
    #[default]
    Any,
    /// IPv4 (`AF_INET`).
    Ipv4,
    /// IPv6 (`AF_INET6`).
    Ipv6,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name is not known (`EAI_NONAME`).
    NoName,
    /// The name is known and has no address of the family (`EAI_NODATA`, `EAI_ADDRFAMILY`).
    NoData,
    /// It may work later: no server answered, or those that did failed (`EAI_AGAIN`).
    Again,
    /// Anything else.
    Other,
}

/// Why there are no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind it is.
    pub kind: Kind,
    /// The code by its name: `EAI_AGAIN`; `EAI` and its number where it has none here.
    pub name: String,
    /// What the C library says of it.
    pub text: String,
    /// The error of the operating system, where it is one (`EAI_SYSTEM`).
    pub errno: Option<i32>,
}

/// The codes that POSIX does not have, by their numbers in glibc's and musl's `netdb.h`.
#[cfg(target_os = "linux")]
const EXTRA: &[(i32, &str, Kind)] = &[
    (-5, "EAI_NODATA", Kind::NoData),
    (-9, "EAI_ADDRFAMILY", Kind::NoData),
];
#[cfg(not(target_os = "linux"))]
const EXTRA: &[(i32, &str, Kind)] = &[];

const CODES: &[(i32, &str, Kind)] = &[
    (libc::EAI_NONAME, "EAI_NONAME", Kind::NoName),
    (libc::EAI_AGAIN, "EAI_AGAIN", Kind::Again),
    (libc::EAI_FAIL, "EAI_FAIL", Kind::Other),
    (libc::EAI_FAMILY, "EAI_FAMILY", Kind::Other),
    (libc::EAI_MEMORY, "EAI_MEMORY", Kind::Other),
    (libc::EAI_SERVICE, "EAI_SERVICE", Kind::Other),
    (libc::EAI_SOCKTYPE, "EAI_SOCKTYPE", Kind::Other),
    (libc::EAI_SYSTEM, "EAI_SYSTEM", Kind::Other),
    (libc::EAI_BADFLAGS, "EAI_BADFLAGS", Kind::Other),
    (libc::EAI_OVERFLOW, "EAI_OVERFLOW", Kind::Other),
];

/// The addresses of a name, in the order in which an application tries them (RFC 6724, as the C library sorts).
///
/// Flags are 0 and the type is `SOCK_STREAM`, as in an application that sets nothing. The scope of a link-local answer is in its
/// `SocketAddrV6`. Blocks.
///
/// # Errors
/// The library's code with its text; a name with a zero byte is `EAI_NONAME`.
pub fn lookup(host: &str, wanted: Wanted) -> Result<Vec<SocketAddr>, Failure> {
    let Ok(host) = CString::new(host) else {
        return Err(failure(libc::EAI_NONAME, None));
    };
    // SAFETY: `addrinfo` is a plain C structure; all zero is its documented initial state.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = match wanted {
        Wanted::Any => libc::AF_UNSPEC,
        Wanted::Ipv4 => libc::AF_INET,
        Wanted::Ipv6 => libc::AF_INET6,
    };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: the name is terminated, the service may be null, the hints and the place for the result outlive the call.
    let code =
        unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut list) };
    if code != 0 {
        let errno = (code == libc::EAI_SYSTEM)
            .then(|| io::Error::last_os_error().raw_os_error())
            .flatten();
        return Err(failure(code, errno));
    }
    let mut addresses = Vec::new();
    let mut next = list;
    while !next.is_null() {
        // SAFETY: a successful call gives a list that ends with a null pointer and is ours until it is freed below.
        let entry = unsafe { &*next };
        // SAFETY: `ai_addr` points to `ai_addrlen` bytes of a socket address of the family that `ai_family` says.
        if let Some(address) = unsafe { socket_address(entry) } {
            addresses.push(address);
        }
        next = entry.ai_next;
    }
    if !list.is_null() {
        // SAFETY: the list came from a successful `getaddrinfo`, is freed once and not used afterwards.
        unsafe { libc::freeaddrinfo(list) };
    }
    Ok(addresses)
}

/// The address of an entry, if it is of a family known here.
///
/// # Safety
/// `ai_addr` of the entry is null or points to `ai_addrlen` readable bytes.
unsafe fn socket_address(entry: &libc::addrinfo) -> Option<SocketAddr> {
    let length = usize::try_from(entry.ai_addrlen).ok()?;
    if entry.ai_addr.is_null() {
        return None;
    }
    match entry.ai_family {
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: long enough by the check above; read without regard to alignment.
            let address = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), 0))
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: long enough by the check above; read without regard to alignment.
            let address = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, 0, 0, address.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn failure(code: i32, errno: Option<i32>) -> Failure {
    let known = CODES
        .iter()
        .chain(EXTRA)
        .find(|(number, _, _)| *number == code);
    let (name, kind) = match known {
        Some((_, name, kind)) => ((*name).to_owned(), *kind),
        None => (format!("EAI {code}"), Kind::Other),
    };
    // SAFETY: `gai_strerror` gives a pointer to a constant string for any number.
    let text = unsafe {
        let text = libc::gai_strerror(code);
        if text.is_null() {
            String::new()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    };
    Failure {
        kind,
        name,
        text,
        errno,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_own_answer_with_its_scope() {
        let found = lookup("127.0.0.1", Wanted::Any).unwrap();
        assert_eq!(found, ["127.0.0.1:0".parse().unwrap()]);
        let found = lookup("fe80::1%1", Wanted::Ipv6).unwrap();
        assert!(matches!(found.as_slice(), [SocketAddr::V6(v6)] if v6.scope_id() == 1));
    }

    #[test]
    fn a_failure_has_the_name_of_its_code() {
        let known = failure(libc::EAI_AGAIN, None);
        assert_eq!(
            (known.kind, known.name.as_str()),
            (Kind::Again, "EAI_AGAIN")
        );
        assert!(!known.text.is_empty());
        assert_eq!(failure(12345, None).name, "EAI 12345");
    }

    #[test]
    fn a_name_with_a_zero_byte_is_no_name() {
        assert_eq!(lookup("a\0b", Wanted::Any).unwrap_err().kind, Kind::NoName);
    }
}
