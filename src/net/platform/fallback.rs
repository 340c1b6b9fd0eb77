//! A system that nobody has written yet: everything compiles, every socket is refused with `ENOSYS`.

#![allow(
    clippy::unused_async,
    reason = "the same signatures as where there is something to await"
)]

use std::net::SocketAddr;
use std::time::Instant;

use tokio::net::TcpStream;

use super::{Incoming, Kind, Readiness, Right, Setting};
use crate::net::errno::Errno;
use crate::net::flow::Family;
use crate::net::queue::QueuedError;

/// No value of it exists.
#[derive(Debug)]
pub(in crate::net) enum Socket {}

impl Socket {
    pub(in crate::net) fn open(_: Kind, _: Family) -> Result<Self, Errno> {
        Err(Errno::ENOSYS)
    }
    pub(in crate::net) fn set(&self, _: &Setting<'_>) -> Result<(), Errno> {
        match *self {}
    }
    pub(in crate::net) fn bind(&self, _: SocketAddr) -> Result<(), Errno> {
        match *self {}
    }
    pub(in crate::net) fn connect(&self, _: SocketAddr) -> Result<(), Errno> {
        match *self {}
    }
    pub(in crate::net) fn local(&self) -> Result<SocketAddr, Errno> {
        match *self {}
    }
    pub(in crate::net) fn is_connected(&self) -> bool {
        match *self {}
    }
    pub(in crate::net) fn take_error(&self) -> Option<Errno> {
        match *self {}
    }
    pub(in crate::net) fn send(&self, _: &[u8], _: Option<SocketAddr>) -> Result<usize, Errno> {
        match *self {}
    }
    pub(in crate::net) fn receive(&self, _: usize) -> Result<Incoming, Errno> {
        match *self {}
    }
    pub(in crate::net) fn peek(&self, _: usize) -> Result<Vec<u8>, Errno> {
        match *self {}
    }
    pub(in crate::net) fn receive_error(&self) -> Option<QueuedError> {
        match *self {}
    }
    pub(in crate::net) fn receive_errors(&self) -> Vec<QueuedError> {
        match *self {}
    }
    pub(in crate::net) fn tcp_info(&self) -> Result<Vec<u8>, Errno> {
        match *self {}
    }
    pub(in crate::net) fn path_mtu(&self) -> Option<u32> {
        match *self {}
    }
    pub(in crate::net) fn finish(&self) {
        match *self {}
    }
    pub(in crate::net) fn into_stream(self) -> Result<TcpStream, Errno> {
        match self {}
    }
    pub(in crate::net) async fn until<T>(
        &self,
        _: Readiness,
        _: Instant,
        _: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        match *self {}
    }
}

/// Runs `with` on a stream as if it were our socket; here there is none.
pub(in crate::net) fn lend<T>(_: &TcpStream, _: impl FnOnce(&Socket) -> T) -> Result<T, Errno> {
    Err(Errno::ENOSYS)
}

/// No value of it exists.
#[derive(Debug)]
pub(in crate::net) enum Netlink {}

impl Netlink {
    pub(in crate::net) fn open() -> Result<Self, Errno> {
        Err(Errno::ENOSYS)
    }
    pub(in crate::net) fn send(&self, _: &[u8]) -> Result<(), Errno> {
        match *self {}
    }
    pub(in crate::net) fn receive<'a>(&self, _: &'a mut [u8]) -> Result<&'a [u8], Errno> {
        match *self {}
    }
}

pub(in crate::net) fn confine(_: &mut std::process::Command) {}

pub(in crate::net) fn started_elevated() -> bool {
    false
}

pub(in crate::net) fn is_root() -> bool {
    false
}

pub(in crate::net) fn drop_privileges(_: &[Right]) -> Result<(), Errno> {
    // There is nothing to be done with any.
    Ok(())
}

pub(in crate::net) fn with_right<T>(_: Right, work: impl FnOnce() -> T) -> T {
    work()
}

pub(in crate::net) fn still_runs(_: u32) -> Result<bool, Errno> {
    Err(Errno::ENOSYS)
}
