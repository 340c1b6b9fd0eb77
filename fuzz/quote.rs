//! What holds for the readers of quoted packets, whatever the bytes: shared by the fuzz target and `tests/corpus`.

use nwcheck::proto::quote::{Family, Quote, Transport, read_error, read_packet};

/// Reads the bytes in every way; panics where a reader panics or a bound is broken.
pub fn check(bytes: &[u8]) {
    for family in [Family::V4, Family::V6] {
        if let Some((_, extensions)) = read_error(family, bytes) {
            assert!(extensions.mpls.len() <= 32 && extensions.interfaces.len() <= 16);
            for label in &extensions.mpls {
                assert!(label.label < 1 << 20 && label.class < 8);
            }
            let names = extensions
                .interfaces
                .iter()
                .filter_map(|one| one.name.as_ref());
            for name in names {
                assert!(name.chars().count() <= 63);
            }
        }
    }
    let Some(whole) = read_packet(bytes) else {
        return;
    };
    // What is read from a part is read from the whole as well.
    let part = bytes
        .get(..bytes.len() - bytes.len() / 3)
        .and_then(read_packet);
    if let Some(part) = part {
        assert_eq!(ends(&part), ends(&whole));
        assert!(
            part.transport == Transport::Unknown || ports(&part) == ports(&whole),
            "{part:?} {whole:?}"
        );
    }
}

fn ends(quote: &Quote) -> (std::net::IpAddr, std::net::IpAddr, u8, u8) {
    (quote.source, quote.destination, quote.ttl, quote.tos)
}

fn ports(quote: &Quote) -> Option<(u16, u16)> {
    match quote.transport {
        Transport::Tcp {
            source,
            destination,
            ..
        }
        | Transport::Udp {
            source,
            destination,
            ..
        } => Some((source, destination)),
        Transport::Icmp { kind, code, .. } => Some((kind.into(), code.into())),
        Transport::Unknown => None,
    }
}
