//! Netlink messages: building requests, walking answers. Pure but for [`ask`] and [`dump`].

#![deny(clippy::indexing_slicing)]

use std::net::IpAddr;

use super::Query;
use crate::net::errno::Errno;
use crate::net::flow::Family;
use crate::net::platform::Netlink;

/// Flags of a route request: name the table; answer with the table's entry.
pub(super) const RTM_F_LOOKUP_TABLE: u32 = 0x1000;
pub(super) const RTM_F_FIB_MATCH: u32 = 0x2000;

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;
const RTM_GETRULE: u16 = 34;
const RTM_GETNEXTHOP: u16 = 106;

const NLM_F_REQUEST: u16 = 0x01;
const NLM_F_MULTI: u16 = 0x02;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const HEADER: usize = 16;

const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_MARK: u16 = 16;
const RTA_UID: u16 = 25;
const RTA_IP_PROTO: u16 = 27;
const RTA_SPORT: u16 = 28;
const RTA_DPORT: u16 = 29;
const NDA_DST: u16 = 1;

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The kernel fills at most 32 KiB at once; a link with many virtual functions may need more.
const BUFFER: usize = 128 * 1024;
/// More entries than this are not read: a router with a full table has a million.
const MAX_MESSAGES: usize = 100_000;
/// A table that changes while it is read is read again, so often.
const TRIES: usize = 3;
const SEQUENCE: u32 = 1;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// The kernel's answer is this error.
    Kernel(Errno),
    /// There is no answer.
    Local(Errno),
}

impl Error {
    pub(super) fn errno(self) -> Errno {
        match self {
            Self::Kernel(errno) | Self::Local(errno) => errno,
        }
    }
}

/// A request, ready to send.
#[derive(Debug)]
pub(super) struct Request(Vec<u8>);

impl Request {
    fn new(kind: u16, flags: u16, body: &[u8]) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        bytes.extend(SEQUENCE.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(body);
        Self(bytes)
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        // Attributes here are a few bytes long.
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn optional(self, kind: u16, value: Option<impl AsRef<[u8]>>) -> Self {
        match value {
            Some(value) => self.attribute(kind, value.as_ref()),
            None => self,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.0.clone();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        for (to, from) in bytes.iter_mut().zip(length.to_ne_bytes()) {
            *to = from;
        }
        bytes
    }

    /// The route of a flow. `flags` are `RTM_F_*`.
    pub(super) fn lookup(query: &Query, flags: u32) -> Self {
        let family = Family::of(query.destination);
        let bits = bits(family);
        let source = query.source.filter(|&ip| Family::of(ip) == family);
        let mut body = vec![code(family), bits];
        body.push(if source.is_some() { bits } else { 0 });
        body.push(match family {
            Family::V4 => query.tos.unwrap_or(0),
            Family::V6 => 0,
        });
        body.extend([0; 4]);
        body.extend(flags.to_ne_bytes());
        let with_ports = matches!(query.protocol, Some(6 | 17));
        let port = |port: Option<u16>| port.filter(|_| with_ports).map(u16::to_be_bytes);
        let number = |number: Option<u32>| number.map(u32::to_ne_bytes);
        let (sport, dport) = (port(query.source_port), port(query.destination_port));
        let (oif, mark) = (number(query.interface), number(query.mark));
        let uid = number(query.uid);
        Self::new(RTM_GETROUTE, 0, &body)
            .attribute(RTA_DST, &octets(query.destination))
            .optional(RTA_SRC, source.map(octets))
            .optional(RTA_OIF, oif)
            .optional(RTA_MARK, mark)
            .optional(RTA_UID, uid)
            .optional(RTA_IP_PROTO, query.protocol.map(|number| [number]))
            .optional(RTA_SPORT, sport)
            .optional(RTA_DPORT, dport)
    }

    pub(super) fn rules(family: Family) -> Self {
        Self::list(RTM_GETRULE, code(family), 12)
    }

    pub(super) fn routes(family: Family) -> Self {
        Self::list(RTM_GETROUTE, code(family), 12)
    }

    pub(super) fn links() -> Self {
        Self::list(RTM_GETLINK, AF_UNSPEC, 16)
    }

    pub(super) fn addresses() -> Self {
        Self::list(RTM_GETADDR, AF_UNSPEC, 8)
    }

    pub(super) fn neighbours() -> Self {
        Self::list(RTM_GETNEIGH, AF_UNSPEC, 12)
    }

    pub(super) fn next_hops() -> Self {
        Self::list(RTM_GETNEXTHOP, AF_UNSPEC, 8)
    }

    pub(super) fn neighbour(address: IpAddr, interface: u32) -> Self {
        let mut body = vec![code(Family::of(address)), 0, 0, 0];
        body.extend(interface.to_ne_bytes());
        body.extend([0; 4]);
        Self::new(RTM_GETNEIGH, 0, &body).attribute(NDA_DST, &octets(address))
    }

    fn list(kind: u16, family: u8, header: usize) -> Self {
        let mut body = vec![family];
        body.resize(header, 0);
        Self::new(kind, NLM_F_DUMP, &body)
    }
}

fn code(family: Family) -> u8 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}

/// The family with this number.
pub(super) fn family(code: u8) -> Option<Family> {
    match code {
        AF_INET => Some(Family::V4),
        AF_INET6 => Some(Family::V6),
        _ => None,
    }
}

/// Bits of an address.
pub(super) fn bits(family: Family) -> u8 {
    match family {
        Family::V4 => 32,
        Family::V6 => 128,
    }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// An address by its length.
pub(super) fn ip(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => Some(IpAddr::from(*value.first_chunk::<4>()?)),
        16 => Some(IpAddr::from(*value.first_chunk::<16>()?)),
        _ => None,
    }
}

pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    u32_of(bytes.get(offset..)?)
}

pub(super) fn u32_of(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*value.first_chunk()?))
}

/// A name, up to its NUL.
pub(super) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|&byte| byte == 0);
    let name = end.and_then(|end| value.get(..end)).unwrap_or(value);
    String::from_utf8_lossy(name).into_owned()
}

/// The attributes in a piece of a message: kind and value. Ends at the first that does not fit.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16::from_ne_bytes(*self.0.first_chunk()?));
        let kind = u16::from_ne_bytes(*self.0.get(2..)?.first_chunk()?);
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The upper two bits say "nested" and "network order".
        Some((kind & 0x3fff, value))
    }
}

/// What one read brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) interrupted: bool,
    pub(super) end: Option<Result<(), Errno>>,
}

/// Splits what a read brought into messages. `Some` in `end` when no more will come: with the error, if any.
pub(super) fn split(mut bytes: &[u8], sequence: u32) -> Batch {
    let mut batch = Batch::default();
    while batch.end.is_none() {
        let Some(length) = u32_at(bytes, 0).and_then(|length| usize::try_from(length).ok()) else {
            break;
        };
        let kind = bytes.get(4..).and_then(<[u8]>::first_chunk);
        let flags = bytes.get(6..).and_then(<[u8]>::first_chunk);
        let (Some(kind), Some(flags), Some(body)) = (kind, flags, bytes.get(HEADER..length)) else {
            batch.end = Some(Err(Errno::EPROTO));
            break;
        };
        let (kind, flags) = (u16::from_ne_bytes(*kind), u16::from_ne_bytes(*flags));
        if u32_at(bytes, 8) == Some(sequence) {
            batch.interrupted |= flags & NLM_F_DUMP_INTR != 0;
            match kind {
                NLMSG_ERROR => batch.end = Some(status(body).unwrap_or(Err(Errno::EPROTO))),
                NLMSG_DONE => batch.end = Some(status(body).unwrap_or(Ok(()))),
                NLMSG_OVERRUN => batch.end = Some(Err(Errno::EOVERFLOW)),
                0..16 => {}
                _ => {
                    batch.messages.push(body.to_vec());
                    if flags & NLM_F_MULTI == 0 {
                        batch.end = Some(Ok(()));
                    }
                }
            }
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    batch
}

/// The error number of an error or end message: negative, or 0 for none.
fn status(body: &[u8]) -> Option<Result<(), Errno>> {
    let code = i32::from_ne_bytes(*body.first_chunk()?);
    Some(match code {
        ..0 => Err(Errno::from_code(code.saturating_neg())),
        _ => Ok(()),
    })
}

/// Asks for one thing.
pub(super) fn ask(request: &Request) -> Result<Vec<u8>, Error> {
    let mut messages = Vec::new();
    run(request, &mut messages)?;
    messages
        .into_iter()
        .next()
        .ok_or(Error::Local(Errno::EPROTO))
}

/// What a listing brought.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) complete: bool,
}

/// Asks for a list.
pub(super) fn dump(request: &Request) -> Result<Listing, Error> {
    let mut messages = Vec::new();
    for _ in 0..TRIES {
        messages.clear();
        if run(request, &mut messages)? {
            return Ok(Listing {
                messages,
                complete: true,
            });
        }
    }
    Ok(Listing {
        messages,
        complete: false,
    })
}

/// Sends the request on a socket of its own and gathers what comes; whether that is all and consistent.
fn run(request: &Request, messages: &mut Vec<Vec<u8>>) -> Result<bool, Error> {
    let socket = Netlink::open().map_err(Error::Local)?;
    socket.send(&request.bytes()).map_err(Error::Local)?;
    let mut buffer = vec![0; BUFFER];
    let mut interrupted = false;
    loop {
        let bytes = socket.receive(&mut buffer).map_err(Error::Local)?;
        let batch = split(bytes, SEQUENCE);
        messages.extend(batch.messages);
        interrupted |= batch.interrupted;
        match batch.end {
            Some(Ok(())) => return Ok(!interrupted),
            Some(Err(errno)) => return Err(Error::Kernel(errno)),
            None if messages.len() >= MAX_MESSAGES => return Ok(false),
            None => {}
        }
    }
}
