//! A network namespace: made by a thread that leaves its own, held by a file descriptor, entered by threads.

use std::{
    fmt, fs,
    io::{self, Error},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    thread,
};

use netlink_packet_route::RouteNetlinkMessage;
use nix::sched::{CloneFlags, setns, unshare};

use super::netlink::Netlink;

/// A network stack of its own. Clones are the same stack; it dies with the last of them and the last process in it.
#[derive(Clone)]
pub(crate) struct Namespace(Arc<Inner>);

struct Inner {
    name: String,
    descriptor: OwnedFd,
    netlink: Netlink,
}

impl Namespace {
    /// A new namespace with loopback up, no duplicate-address detection, no router advertisements and no reverse-path filter.
    ///
    /// `name` is what failures call it.
    #[track_caller]
    pub(crate) fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::try_new(&name).unwrap_or_else(|error| panic!("namespace {name}: {error}"))
    }

    /// [`Namespace::new`] that tells why it can't be had.
    pub(crate) fn try_new(name: &str) -> io::Result<Self> {
        let inner = thread::spawn(|| -> io::Result<_> {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let descriptor = fs::File::open("/proc/thread-self/ns/net")?;
            Ok((descriptor.into(), Netlink::open()?))
        });
        let (descriptor, netlink) = inner
            .join()
            .map_err(|_| Error::other("the thread died"))??;
        let namespace = Self(Arc::new(Inner {
            name: name.to_owned(),
            descriptor,
            netlink,
        }));
        namespace.try_enter(|| {
            for (key, value) in DEFAULTS {
                write_sysctl(key, value)?;
            }
            // Per namespace since Linux 6.13 (net/ipv4/sysctl_net_ipv4.c); before that it is the machine's and stays.
            let _ = write_sysctl("net/ipv4/icmp_msgs_per_sec", "1000000");
            let _ = write_sysctl("net/ipv4/icmp_msgs_burst", "1000000");
            io::Result::Ok(())
        })??;
        namespace.set_up("lo");
        Ok(namespace)
    }

    /// What failures call it.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Runs `work` on a thread inside the namespace and hands back its value, or its panic.
    ///
    /// Sockets opened inside stay there when they are handed out.
    #[track_caller]
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.try_enter(work)
            .unwrap_or_else(|error| panic!("entering {}: {error}", self.name()))
    }

    /// Starts a thread that lives inside the namespace.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let inside = self.clone();
        thread::spawn(move || {
            setns(inside.descriptor(), CloneFlags::CLONE_NEWNET)
                .unwrap_or_else(|error| panic!("entering {}: {error}", inside.name()));
            drop(inside);
            work()
        })
    }

    /// The descriptor to enter it by.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.descriptor.as_fd()
    }

    /// Sets `/proc/sys/net/KEY` inside, with slashes or dots: `net/ipv4/ip_forward`.
    #[track_caller]
    pub(crate) fn sysctl(&self, key: &str, value: impl ToString) {
        let value = value.to_string();
        self.run(|| write_sysctl(key, &value))
            .unwrap_or_else(|error| panic!("{}: {key} = {value}: {error}", self.name()));
    }

    /// Forwards packets of both families.
    pub(crate) fn forward(&self) {
        self.sysctl("net/ipv4/ip_forward", 1);
        self.sysctl("net/ipv6/conf/all/forwarding", 1);
    }

    /// How long in milliseconds a router waits between two ICMP errors to one peer: 0 is no limit, 1000 the kernel's default.
    pub(crate) fn icmp_ratelimit(&self, milliseconds: u32) {
        self.sysctl("net/ipv4/icmp_ratelimit", milliseconds);
        self.sysctl("net/ipv6/icmp/ratelimit", milliseconds);
    }

    /// Lets every group use ping sockets; a fresh namespace lets nobody.
    pub(crate) fn allow_ping_sockets(&self) {
        let all = "0 2147483647";
        // Where only one group is mapped, only that group can be named.
        if self
            .run(|| write_sysctl("net/ipv4/ping_group_range", all))
            .is_err()
        {
            self.sysctl("net/ipv4/ping_group_range", "0 0");
        }
    }

    /// One rtnetlink request in this namespace; `what` is what the panic says could not be done.
    #[track_caller]
    pub(super) fn netlink(
        &self,
        what: impl fmt::Display,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Vec<RouteNetlinkMessage> {
        self.try_netlink(message, flags)
            .unwrap_or_else(|error| panic!("{}: {what}: {error}", self.name()))
    }

    /// One rtnetlink request in this namespace.
    pub(super) fn try_netlink(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<Vec<RouteNetlinkMessage>> {
        self.0.netlink.request(message, flags)
    }

    fn try_enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(self.descriptor(), CloneFlags::CLONE_NEWNET)?;
                Ok(work())
            });
            inside
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

/// What every namespace starts with: answers are there at once and come from nobody but the test.
const DEFAULTS: &[(&str, &str)] = &[
    ("net/ipv6/conf/all/disable_ipv6", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "0"),
    ("net/ipv6/conf/all/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
];

fn write_sysctl(key: &str, value: &str) -> io::Result<()> {
    fs::write(format!("/proc/sys/{}", key.replace('.', "/")), value)
}
