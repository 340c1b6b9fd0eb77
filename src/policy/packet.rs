//! The packet that the rules look at, and how much of it is known.

use std::net::IpAddr;

use super::compare::Tri;
use super::form::{Change, Field, Mark, Pattern, Transport};
use super::value::{Bits, Value};

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;

/// From one to the other, both included.
pub(super) type Span = (u128, u128);

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Device {
    /// None at this hook: its name is empty (Linux `nft_meta_store_ifname`).
    None,
    /// This one.
    Named(String),
    /// One that is not known.
    Unknown,
}

/// Whose socket the packet is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// This user's and group's, as far as known.
    Ours(Option<u32>, Option<u32>),
    /// It may have been found already, or not (early demultiplexing).
    Unknown,
}

/// How far connection tracking is with the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It has not seen it.
    NotYet,
    /// It has or has not: a chain of the same priority.
    Perhaps,
    /// It has.
    Tracked,
    /// It was told not to look.
    Untracked,
}

/// What connection tracking knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) seen: Seen,
    /// The state that it gives the packet when it sees it.
    pub(super) state: u128,
    /// Of the answer's direction.
    pub(super) reply: bool,
    /// Which addresses are translated is settled: it went through a hook that does that, and came back by the loopback.
    pub(super) bound: bool,
    pub(super) mark: Bits,
    pub(super) translation: Translation,
    pub(super) original: Ends,
}

/// Which ends of a connection are translated. A translation to what was there before is none (`nf_nat_setup_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) source: Tri,
    pub(super) destination: Tri,
}

impl Translation {
    pub(super) const NONE: Self = Self {
        source: Tri::No,
        destination: Tri::No,
    };

    pub(super) fn of_source(self) -> bool {
        self.source != Tri::No
    }

    pub(super) fn of_destination(self) -> bool {
        self.destination != Tri::No
    }

    /// The bits that tell of it.
    fn bits(self, source: u128, destination: u128) -> Bits {
        let each = |so: Tri, bit: u128| Bits {
            value: if so == Tri::Yes { bit } else { 0 },
            known: if so == Tri::Unknown { !bit } else { !0 },
        };
        each(self.source, source).xor(each(self.destination, destination))
    }
}

/// Where a packet comes from and goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) source: Span,
    pub(super) destination: Span,
    pub(super) source_port: Option<Span>,
    pub(super) destination_port: Option<Span>,
}

impl Ends {
    /// The other way round.
    pub(super) const fn turned(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
        }
    }
}

/// A packet of the flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) v6: bool,
    pub(super) protocol: u8,
    pub(super) ends: Ends,
    pub(super) icmp_type: u8,
    pub(super) tcp_flags: u128,
    pub(super) mark: Bits,
    pub(super) input: Device,
    pub(super) output: Device,
    pub(super) owner: Owner,
    pub(super) track: Track,
    /// A chain of this hook has translated it, and further ones of that kind are not asked.
    pub(super) translated: bool,
    /// It has come in by an interface.
    pub(super) arrived: bool,
}

/// What is known around the packets.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// Addresses of this machine.
    pub(super) own: Vec<IpAddr>,
    /// The address of the other side, which the kernel routes to as unicast.
    pub(super) other: IpAddr,
    /// Whether connections are tracked at all; unknown where no rule that was read wants it.
    pub(super) tracks: Tri,
}

/// An address as a number.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// All addresses of a family.
pub(super) const fn everywhere(v6: bool) -> Span {
    (0, if v6 { u128::MAX } else { u32::MAX as u128 })
}

/// All ports.
pub(super) const EVERY_PORT: Span = (0, u16::MAX as u128);

impl Surroundings {
    /// Whether an address is of the loopback for sure.
    pub(super) const fn is_loopback(v6: bool, span: Span) -> bool {
        let (first, last) = Self::loopback(v6);
        first <= span.0 && span.1 <= last
    }

    const fn loopback(v6: bool) -> Span {
        if v6 {
            (1, 1)
        } else {
            (0x7f00_0000, 0x7fff_ffff)
        }
    }

    /// Whether an address is this machine's own.
    pub(super) fn is_own(&self, v6: bool, span: Span) -> Tri {
        let (first, last) = span;
        let loopback = Self::loopback(v6);
        if Self::is_loopback(v6, span) {
            return Tri::Yes;
        }
        let inside = |own: u128| first <= own && own <= last;
        let mut own = self.own.iter().filter(|own| own.is_ipv6() == v6);
        let some = own.any(|own| inside(number(*own)));
        match (some, first == last) {
            (true, true) => Tri::Yes,
            (false, _) if last < loopback.0 || loopback.1 < first => Tri::No,
            _ => Tri::Unknown,
        }
    }

    /// The kind of an address (`RTN_*`, linux/rtnetlink.h).
    fn kind(&self, v6: bool, span: Span) -> Value {
        const UNICAST: u128 = 1;
        const LOCAL: u128 = 2;
        let multicast = if v6 {
            span.0 >> 120 == 0xff
        } else {
            span.0 >> 28 == 0xe
        };
        match self.is_own(v6, span) {
            Tri::Yes => Value::exactly(LOCAL),
            Tri::No if !multicast && span.0 == span.1 && span.0 == number(self.other) => {
                Value::exactly(UNICAST)
            }
            _ => Value::Unknown,
        }
    }
}

impl Packet {
    /// What is known of a field.
    pub(super) fn read(&self, field: Field, around: &Surroundings) -> Value {
        let of = |v6: bool, span: Span| {
            if self.v6 == v6 {
                Value::Between(span.0, span.1)
            } else {
                Value::Absent
            }
        };
        let icmp = |protocol: u8, value: u8| {
            if self.protocol == protocol {
                Value::exactly(value.into())
            } else {
                Value::Absent
            }
        };
        let number = |id: Option<u32>| id.map_or(Value::Unknown, |id| Value::exactly(id.into()));
        match field {
            Field::Family => Value::exactly(if self.v6 { 10 } else { 2 }),
            Field::EtherType => Value::exactly(if self.v6 { 0x86dd } else { 0x0800 }),
            Field::Protocol4 | Field::Protocol6 if self.v6 != (field == Field::Protocol6) => {
                Value::Absent
            }
            Field::Protocol | Field::Protocol4 | Field::Protocol6 => {
                Value::exactly(self.protocol.into())
            }
            Field::Source4 => of(false, self.ends.source),
            Field::Source6 => of(true, self.ends.source),
            Field::Destination4 => of(false, self.ends.destination),
            Field::Destination6 => of(true, self.ends.destination),
            Field::SourcePort(of) => self.port(of, self.ends.source_port),
            Field::DestinationPort(of) => self.port(of, self.ends.destination_port),
            Field::IcmpType4 => icmp(ICMP, self.icmp_type),
            Field::IcmpType6 => icmp(ICMPV6, self.icmp_type),
            Field::IcmpCode4 => icmp(ICMP, 0),
            Field::IcmpCode6 => icmp(ICMPV6, 0),
            Field::TcpFlags if self.protocol == TCP => Value::Bits(Bits {
                value: self.tcp_flags,
                // Whether congestion notification (RFC 3168) is asked for is the kernel's to choose.
                known: !0xc0,
            }),
            // Not a fragment; whether it may become one is the kernel's to choose.
            Field::FragmentOffset if !self.v6 => Value::Bits(Bits {
                value: 0,
                known: !0xe000,
            }),
            Field::TcpFlags | Field::FragmentOffset | Field::ExtensionField => Value::Absent,
            Field::Extension => Value::exactly(0),
            Field::Mark => Value::Bits(self.mark),
            Field::Input => device(&self.input),
            Field::Output => device(&self.output),
            Field::User => match self.owner {
                Owner::Ours(user, _) => number(user),
                Owner::Unknown => Value::Unknown,
            },
            Field::Group => match self.owner {
                Owner::Ours(_, group) => number(group),
                Owner::Unknown => Value::Unknown,
            },
            Field::SourceKind => around.kind(self.v6, self.ends.source),
            Field::DestinationKind => around.kind(self.v6, self.ends.destination),
            // It is taken to come back by the interface that the route to its sender names.
            Field::RouteBack if self.arrived => match &self.input {
                Device::Named(_) => Value::exactly(1),
                _ => Value::Unknown,
            },
            Field::FrameKind if self.arrived => Value::exactly(0),
            Field::RouteBack | Field::FrameKind | Field::Other => Value::Unknown,
            _ => self.tracked(field),
        }
    }

    /// What connection tracking knows. Without an entry only the state can be asked for.
    fn tracked(&self, field: Field) -> Value {
        let track = &self.track;
        if field == Field::State {
            return match track.seen {
                Seen::NotYet => Value::Bits(Bits::exactly(Field::INVALID)),
                Seen::Untracked => Value::Bits(Bits::exactly(Field::UNTRACKED)),
                Seen::Perhaps => Value::Bits(Bits::UNKNOWN),
                Seen::Tracked if track.state == Field::INVALID => {
                    Value::Bits(Bits::exactly(Field::INVALID))
                }
                Seen::Tracked => Value::Bits(
                    Bits::exactly(track.state)
                        .xor(track.translation.bits(Field::SNAT, Field::DNAT)),
                ),
            };
        }
        match track.seen {
            Seen::Perhaps => return Value::Unknown,
            Seen::Tracked if track.state != Field::INVALID => {}
            _ => return Value::Absent,
        }
        let original = &track.original;
        let of = |v6: bool, span: Span| {
            if self.v6 == v6 {
                Value::Between(span.0, span.1)
            } else {
                Value::Absent
            }
        };
        match field {
            Field::Direction => Value::exactly(track.reply.into()),
            Field::TrackMark => Value::Bits(track.mark),
            Field::Status => {
                // IPS_SRC_NAT, IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h); of the others nothing is said.
                let (source, destination) = (1 << 4, 1 << 5);
                let bits = track.translation.bits(source, destination);
                Value::Bits(Bits {
                    known: bits.known & (source | destination),
                    ..bits
                })
            }
            Field::OriginalSource4 => of(false, original.source),
            Field::OriginalSource6 => of(true, original.source),
            Field::OriginalDestination4 => of(false, original.destination),
            Field::OriginalDestination6 => of(true, original.destination),
            Field::OriginalDestinationPort => original
                .destination_port
                .map_or(Value::Unknown, |(first, last)| Value::Between(first, last)),
            _ => Value::Unknown,
        }
    }

    fn port(&self, of: Transport, port: Option<Span>) -> Value {
        let ours = match of {
            Transport::Tcp => self.protocol == TCP,
            Transport::Udp => self.protocol == UDP,
            Transport::Any => true,
            Transport::Other => false,
        };
        match (ours, port) {
            (false, _) => Value::Absent,
            (true, Some((first, last))) => Value::Between(first, last),
            // Whatever is at that place in the header.
            (true, None) => Value::Unknown,
        }
    }

    /// Sets a mark as a rule says.
    pub(super) fn set_mark(&mut self, mark: &Mark) {
        let tracked = self.track.seen == Seen::Tracked;
        let value = |of: Change| match of {
            Change::Packet => self.mark,
            Change::Connection => self.track.mark,
        };
        let mut new = value(mark.of).and(mark.keep.into());
        if let Some((from, mask)) = mark.from {
            // A mark of a connection that is not tracked can't be read, and nothing is set.
            if from == Change::Connection && !tracked {
                return;
            }
            new = new.xor(value(from).and(mask.into()));
        }
        new = new.xor(Bits::exactly(mark.set.into()));
        if mark.obscure {
            new = Bits::UNKNOWN;
        }
        match mark.of {
            Change::Packet => self.mark = new,
            Change::Connection if tracked => self.track.mark = new,
            Change::Connection => {}
        }
    }

    /// Sends it to another address and port.
    pub(super) fn translate_destination(
        &mut self,
        address: Option<&Pattern>,
        port: Option<&Pattern>,
    ) {
        let span = |pattern: &Pattern, all: Span| match pattern {
            Pattern::Between(first, last) => (*first, *last),
            _ => all,
        };
        let before = (self.ends.destination, self.ends.destination_port);
        if let Some(address) = address {
            self.ends.destination = span(address, everywhere(self.v6));
        }
        if let Some(port) = port.filter(|_| self.ends.destination_port.is_some()) {
            self.ends.destination_port = Some(span(port, EVERY_PORT));
        }
        let after = (self.ends.destination, self.ends.destination_port);
        let one = |span: Span| span.0 == span.1;
        let known = one(after.0) && after.1.is_none_or(one);
        self.track.translation.destination = match (before == after, known) {
            (same, true) => Tri::from(!same),
            _ => Tri::Unknown,
        };
        self.translated = true;
    }
}

fn device(device: &Device) -> Value {
    match device {
        Device::None => Value::Name(String::new()),
        Device::Named(name) => Value::Name(name.clone()),
        Device::Unknown => Value::Unknown,
    }
}
