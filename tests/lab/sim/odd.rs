//! What routers may do besides passing packets on and answering: rewrite, translate, tell more than they must, and lie.

use std::net::IpAddr;

use super::packet::{self, Field};
use crate::net::Family;

/// Bit that a translator of ports turns over in the source port.
const PORT_BIT: u16 = 0x4000;
/// Who forged answers claim to be from.
pub(crate) const FORGER: [&str; 2] = ["198.51.100.66", "2001:db8:66::66"];
/// The outer addresses of translators.
const OUTSIDE: [&str; 2] = ["192.0.2.77", "2001:db8:77::77"];

/// What is out of the ordinary with a router.
#[derive(Clone, Debug, Default)]
pub(super) struct Oddity {
    /// Objects that its errors carry (RFC 4884 section 7.1); none is no extension at all.
    objects: Vec<u8>,
    /// The TTL that its errors quote, instead of 1.
    pub(super) quoted_ttl: Option<u8>,
    /// The type of service that it gives to what it passes on.
    pub(super) tos: Option<u8>,
    /// It translates the source of what it passes on.
    pub(super) translator: Option<Translator>,
    /// Before its own answer it sends forged ones.
    pub(super) forges: bool,
}

impl Oddity {
    /// A label stack (RFC 4950 section 3): label, class and TTL of each entry, the outermost first.
    pub(super) fn labels(&mut self, stack: &[(u32, u8, u8)]) {
        let mut object = Vec::new();
        for (number, (label, class, ttl)) in (1..).zip(stack) {
            let bottom = u32::from(number == stack.len());
            let entry = label << 12 | u32::from(*class) << 9 | bottom << 8 | u32::from(*ttl);
            object.extend(entry.to_be_bytes());
        }
        self.object(1, 1, &object);
    }

    /// The interface that a packet came in by (RFC 5837 section 4): its index, its name and its MTU.
    pub(super) fn interface(&mut self, index: u32, name: &str, mtu: u32) {
        let mut object = index.to_be_bytes().to_vec();
        let room = (name.len() + 1).next_multiple_of(4);
        object.push(u8::try_from(room).expect("a short name"));
        object.extend(name.bytes());
        object.resize(4 + room, 0);
        object.extend(mtu.to_be_bytes());
        // Role incoming; index, name and MTU are there.
        self.object(2, 0b0000_1011, &object);
    }

    fn object(&mut self, class: u8, kind: u8, bytes: &[u8]) {
        let length = u16::try_from(bytes.len() + 4).expect("a short object");
        self.objects.extend(length.to_be_bytes());
        self.objects.extend([class, kind]);
        self.objects.extend(bytes);
    }

    /// What stands behind the quote of its errors; empty where nothing does.
    pub(super) fn extension(&self) -> Vec<u8> {
        if self.objects.is_empty() {
            return Vec::new();
        }
        let mut bytes = vec![0x20, 0, 0, 0];
        bytes.extend(&self.objects);
        let sum = packet::checksum(&[&bytes]);
        bytes[2..4].copy_from_slice(&sum);
        bytes
    }
}

/// What a translator of sources translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Translates {
    /// Addresses, and not what errors quote.
    Addresses,
    /// Addresses and ports, and not what errors quote.
    Ports,
    /// Addresses and ports, and those that errors quote.
    Quotes,
}

/// A translator of sources.
#[derive(Clone, Debug)]
pub(super) struct Translator {
    what: Translates,
    /// The address inside, by family, once it has been seen.
    inside: [Option<IpAddr>; 2],
}

impl Translator {
    pub(super) fn new(what: Translates) -> Self {
        Self {
            what,
            inside: [None; 2],
        }
    }

    pub(super) fn quotes(&self) -> bool {
        self.what == Translates::Quotes
    }

    fn bits(&self) -> u16 {
        match self.what {
            Translates::Addresses => 0,
            Translates::Ports | Translates::Quotes => PORT_BIT,
        }
    }

    /// A packet on its way out.
    pub(super) fn out(&mut self, family: Family, bytes: &mut [u8]) {
        if let Some(source) = packet::address(bytes, Field::Source) {
            self.inside[index(family)] = Some(source);
            let bits = self.bits();
            packet::rewrite(bytes, Field::Source, address(OUTSIDE, family), bits);
        }
    }

    /// A quote of a packet that went out, or a packet on its way in where this is its destination.
    pub(super) fn back(&self, family: Family, bytes: &mut [u8], field: Field) {
        let outside = Some(address(OUTSIDE, family));
        if let Some(inside) = self.inside[index(family)]
            && packet::address(bytes, field) == outside
        {
            packet::rewrite(bytes, field, inside, self.bits());
        }
    }

    /// A packet on its way in, with what it quotes where it is an error.
    pub(super) fn inwards(&self, family: Family, bytes: &mut [u8]) {
        self.back(family, bytes, Field::Destination);
        if self.quotes()
            && let Some(quote) = packet::quote(bytes)
        {
            self.back(family, quote, Field::Source);
            packet::seal(bytes);
        }
    }
}

/// Answers about probes that nobody sent.
pub(super) fn forged(family: Family, probe: &[u8], ttl: u8) -> Vec<Vec<u8>> {
    let from = address(FORGER, family);
    let Some(to) = packet::address(probe, Field::Source) else {
        return Vec::new();
    };
    let offset = packet::payload(probe).unwrap_or(0);
    // Of a TCP header the sequence number, all of it and its end, and the ports: both, since a translator may change one of them. Of a
    // datagram either port; of an echo request the identifier or the number.
    let changes: &[&[usize]] = match packet::protocol(probe) {
        Some(6) => &[&[4, 5, 6, 7], &[0, 1, 2, 3], &[7]],
        Some(17) => &[&[0, 1], &[2, 3]],
        _ => &[&[4, 5], &[6, 7]],
    };
    let forge = |places: &&[usize]| {
        let mut quote = probe.to_vec();
        for place in *places {
            if let Some(byte) = quote.get_mut(offset + place) {
                *byte = !*byte;
            }
        }
        packet::time_exceeded(from, to, &quote, ttl, &[])
    };
    changes.iter().filter_map(forge).collect()
}

fn address(of: [&str; 2], family: Family) -> IpAddr {
    of[index(family)].parse().expect("an address")
}

const fn index(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}
