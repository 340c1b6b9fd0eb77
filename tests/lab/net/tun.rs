//! Network interfaces whose cable is a file descriptor: what one reads was sent, what one writes is received.

use std::{
    fs::{File, OpenOptions},
    io,
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
};

use super::Namespace;

impl Namespace {
    /// A tun interface, up, without addresses; it is there while the file is open, which does not block.
    #[track_caller]
    pub(crate) fn tun(&self, name: &str) -> File {
        let file = self
            .run(|| open(name))
            .unwrap_or_else(|error| panic!("{}: tun {name}: {error}", self.name()));
        self.set_up(name);
        file
    }
}

fn open(name: &str) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    // SAFETY: an ifreq of zeros is one without a name.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::other("the name is too long"));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let flags = libc::IFF_TUN | libc::IFF_NO_PI;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags).map_err(io::Error::other)?;
    // SAFETY: the request lives through the call and is of the type that this one takes.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    nix::errno::Errno::result(result)?;
    Ok(file)
}
