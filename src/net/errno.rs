//! The kernel's error numbers.
//!
//! What it is for: a value that compares like a number, prints like `ECONNREFUSED`, and explains itself.
//! What it may use: the platform's constants. What it must not do: say what an error means for a
//! connection; that is judged elsewhere.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// An `errno` value of this platform.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(i32);

macro_rules! table {
    ($($name:ident => $text:literal,)*) => {
        /// Name and text of each number that a socket call or a route look-up is known to give.
        const fn entry(code: i32) -> Option<(&'static str, &'static str)> {
            match code {
                $(libc::$name => Some((stringify!($name), $text)),)*
                #[cfg(target_os = "linux")]
                libc::ENONET => Some(("ENONET", "machine is not on the network")),
                _ => None,
            }
        }

        #[cfg(test)]
        const KNOWN: &[i32] = &[$(libc::$name),*];
    };
}

table! {
    EPERM => "operation not permitted",
    ENOENT => "no such file or directory",
    ESRCH => "no such process",
    EINTR => "interrupted system call",
    EIO => "input/output error",
    ENXIO => "no such device or address",
    EBADF => "bad file descriptor",
    EAGAIN => "resource temporarily unavailable",
    ENOMEM => "cannot allocate memory",
    EACCES => "permission denied",
    EFAULT => "bad address",
    EBUSY => "device or resource busy",
    EEXIST => "file exists",
    ENODEV => "no such device",
    EINVAL => "invalid argument",
    ENFILE => "too many open files in system",
    EMFILE => "too many open files",
    ENOSPC => "no space left on device",
    EPIPE => "broken pipe",
    EDOM => "numerical argument out of domain",
    ERANGE => "numerical result out of range",
    ENOSYS => "function not implemented",
    EPROTO => "protocol error",
    EOVERFLOW => "value too large",
    ENOTSOCK => "not a socket",
    EDESTADDRREQ => "destination address required",
    EMSGSIZE => "message too long",
    EPROTOTYPE => "protocol wrong type for socket",
    ENOPROTOOPT => "protocol not available",
    EPROTONOSUPPORT => "protocol not supported",
    EOPNOTSUPP => "operation not supported",
    EAFNOSUPPORT => "address family not supported",
    EADDRINUSE => "address already in use",
    EADDRNOTAVAIL => "cannot assign requested address",
    ENETDOWN => "network is down",
    ENETUNREACH => "network is unreachable",
    ENETRESET => "network dropped connection on reset",
    ECONNABORTED => "connection aborted",
    ECONNRESET => "connection reset by peer",
    ENOBUFS => "no buffer space available",
    EISCONN => "already connected",
    ENOTCONN => "not connected",
    ETIMEDOUT => "connection timed out",
    ECONNREFUSED => "connection refused",
    EHOSTDOWN => "host is down",
    EHOSTUNREACH => "no route to host",
    EALREADY => "operation already in progress",
    EINPROGRESS => "operation now in progress",
    ECANCELED => "operation cancelled",
}

impl Errno {
    /// Not permitted: a firewall on output, a control group, a missing privilege.
    pub const EPERM: Self = Self(libc::EPERM);
    /// Permission denied: a reserved port, a prohibit route, a ping socket outside its group range.
    pub const EACCES: Self = Self(libc::EACCES);
    /// Nothing there now; never handed to callers as a failure.
    pub const EAGAIN: Self = Self(libc::EAGAIN);
    /// Interrupted by a signal; never handed to callers as a failure.
    pub const EINTR: Self = Self(libc::EINTR);
    /// Invalid argument: also what a blackhole route gives.
    pub const EINVAL: Self = Self(libc::EINVAL);
    /// No such device: the interface does not exist.
    pub const ENODEV: Self = Self(libc::ENODEV);
    /// This process has no file descriptor left.
    pub const EMFILE: Self = Self(libc::EMFILE);
    /// The whole system has no file descriptor left.
    pub const ENFILE: Self = Self(libc::ENFILE);
    /// More than fits.
    pub const EOVERFLOW: Self = Self(libc::EOVERFLOW);
    /// Not implemented here: what every call gives on a platform that is not supported.
    pub const ENOSYS: Self = Self(libc::ENOSYS);
    /// ICMP parameter problem, as Linux reports it; a malformed message from the kernel.
    pub const EPROTO: Self = Self(libc::EPROTO);
    /// Larger than the path or the interface permits with fragmentation forbidden.
    pub const EMSGSIZE: Self = Self(libc::EMSGSIZE);
    /// ICMP protocol unreachable, as Linux reports it.
    pub const ENOPROTOOPT: Self = Self(libc::ENOPROTOOPT);
    /// Address family not supported: IPv6 is off.
    pub const EAFNOSUPPORT: Self = Self(libc::EAFNOSUPPORT);
    /// The local address and port are taken.
    pub const EADDRINUSE: Self = Self(libc::EADDRINUSE);
    /// The local address is not ours, or no ephemeral port is left.
    pub const EADDRNOTAVAIL: Self = Self(libc::EADDRNOTAVAIL);
    /// The interface is down.
    pub const ENETDOWN: Self = Self(libc::ENETDOWN);
    /// No route, here or at a router.
    pub const ENETUNREACH: Self = Self(libc::ENETUNREACH);
    /// Reset by the peer on an established connection.
    pub const ECONNRESET: Self = Self(libc::ECONNRESET);
    /// Written to after the end, or reset after a FIN.
    pub const EPIPE: Self = Self(libc::EPIPE);
    /// The kernel gave up waiting.
    pub const ETIMEDOUT: Self = Self(libc::ETIMEDOUT);
    /// A reset, or ICMP port unreachable: the error queue tells which.
    pub const ECONNREFUSED: Self = Self(libc::ECONNREFUSED);
    /// Host unreachable, prohibited, or the TTL expired: the error queue tells which.
    pub const EHOSTUNREACH: Self = Self(libc::EHOSTUNREACH);
    /// A non-blocking connect is on its way.
    pub const EINPROGRESS: Self = Self(libc::EINPROGRESS);

    /// The value with this number, known or not.
    pub const fn from_code(code: i32) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn code(self) -> i32 {
        self.0
    }

    /// The stable name, such as `ECONNREFUSED`; `E` and the number where it has none here.
    pub fn name(self) -> Cow<'static, str> {
        match entry(self.0) {
            Some((name, _)) => Cow::Borrowed(name),
            None => Cow::Owned(format!("E{}", self.0)),
        }
    }

    /// What it says, in lower case and independent of the locale.
    pub const fn text(self) -> &'static str {
        match entry(self.0) {
            Some((_, text)) => text,
            None => "unknown error",
        }
    }

    /// Whether it means "nothing now, try again".
    pub const fn is_transient(self) -> bool {
        self.0 == libc::EAGAIN || self.0 == libc::EINTR || self.0 == libc::EWOULDBLOCK
    }
}

impl From<io::Error> for Errno {
    /// The number of an operating system error; `EIO` for an error that the standard library made up.
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.name())
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl std::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_number_has_a_name_and_a_text() {
        for &code in KNOWN {
            let errno = Errno::from_code(code);
            assert!(errno.name().len() >= 3, "{code}");
            assert_ne!(errno.text(), "unknown error");
        }
    }

    #[test]
    fn an_unknown_number_keeps_its_value() {
        assert_eq!(Errno::from_code(4095).name(), "E4095");
        assert_eq!(Errno::from_code(4095).text(), "unknown error");
    }

    #[test]
    fn a_system_error_becomes_its_number() {
        let error = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        assert_eq!(Errno::from(error), Errno::ECONNREFUSED);
        assert_eq!(
            Errno::ECONNREFUSED.to_string(),
            "connection refused (ECONNREFUSED)"
        );
    }
}
