#![allow(clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

fn v4_tcp() -> Vec<u8> {
    let mut packet = vec![
        0x45, 0x02, 0, 60, 0xab, 0xcd, 0x40, 0, 1, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9,
    ];
    packet.extend([0x9c, 0x40, 0x01, 0xbb, 0xde, 0xad, 0xbe, 0xef]);
    packet
}

fn v6_udp_behind_options() -> Vec<u8> {
    let mut packet = vec![0x6a, 0xb1, 0x23, 0x45, 0, 24, 60, 1];
    packet.extend([0xfd; 16]);
    packet.extend([0xfe; 16]);
    packet.extend([17, 0, 1, 4, 0, 0, 0, 0]);
    packet.extend([0x82, 0x9b, 0x82, 0x9c, 0, 16, 0x12, 0x34]);
    packet
}

fn seal(mut structure: Vec<u8>) -> Vec<u8> {
    let sum = structure.chunks(2).fold(0_u32, |sum, pair| {
        let sum = sum + u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        (sum & 0xffff) + (sum >> 16)
    });
    let checksum = !u16::try_from(sum).unwrap();
    structure[2..4].copy_from_slice(&checksum.to_be_bytes());
    structure
}

fn labels_and_interface() -> Vec<u8> {
    let mut structure = vec![0x20, 0, 0, 0];
    structure.extend([0, 12, 1, 1, 0x05, 0xdc, 0x0a, 1, 0x00, 0x01, 0x01, 2]);
    // Outgoing interface: index, IPv4 address, name, MTU.
    structure.extend([0, 28, 2, 0x8f, 0, 0, 0, 7, 0, 1, 0, 0, 198, 51, 100, 1]);
    structure.extend([8, b'e', b't', b'h', b'0', 0, 0, 0, 0, 0, 5, 0xdc]);
    seal(structure)
}

fn time_exceeded(length: u8, mut quote: Vec<u8>, extensions: &[u8]) -> Vec<u8> {
    quote.resize(128, 0);
    let mut message = vec![11, 0, 0, 0, 0, length, 0, 0];
    message.extend(quote);
    message.extend(extensions);
    message
}

#[test]
fn eight_bytes_of_tcp_give_ports_and_sequence() {
    let quote = read_packet(&v4_tcp()).unwrap();
    assert_eq!(
        (quote.ttl, quote.tos, quote.identification),
        (1, 2, Some(0xabcd))
    );
    let expected = Transport::Tcp {
        source: 40000,
        destination: 443,
        sequence: Some(0xdead_beef),
    };
    assert_eq!(quote.transport, expected);
}

#[test]
fn udp_behind_ipv6_options_is_found_with_its_flow_label() {
    let quote = read_packet(&v6_udp_behind_options()).unwrap();
    assert_eq!(
        (quote.tos, quote.flow_label, quote.protocol),
        (0xab, Some(0x12345), 17)
    );
    let Transport::Udp {
        source, checksum, ..
    } = quote.transport
    else {
        panic!("{quote:?}")
    };
    assert_eq!((source, checksum), (33435, Some(0x1234)));
}

#[test]
fn an_echo_gives_id_and_sequence() {
    let mut packet = v4_tcp();
    packet[9] = 1;
    packet.truncate(20);
    packet.extend([8, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66]);
    let expected = Transport::Icmp {
        kind: 8,
        code: 0,
        checksum: Some(0x1122),
        id: Some(0x3344),
        sequence: Some(0x5566),
    };
    assert_eq!(read_packet(&packet).unwrap().transport, expected);
}

#[test]
fn a_later_fragment_has_no_transport_header() {
    let mut packet = v4_tcp();
    packet[7] = 1;
    assert_eq!(read_packet(&packet).unwrap().transport, Transport::Unknown);
}

#[test]
fn labels_and_interfaces_are_read_with_and_without_a_length() {
    for length in [32, 0] {
        let message = time_exceeded(length, v4_tcp(), &labels_and_interface());
        let (quote, extensions) = read_error(Family::V4, &message).unwrap();
        assert!(matches!(
            quote.transport,
            Transport::Tcp { source: 40000, .. }
        ));
        let first = Label {
            label: 24000,
            class: 5,
            bottom: false,
            ttl: 1,
        };
        let second = Label {
            label: 16,
            class: 0,
            bottom: true,
            ttl: 2,
        };
        assert_eq!(extensions.mpls, [first, second]);
        let expected = Interface {
            role: InterfaceRole::Outgoing,
            index: Some(7),
            address: Some([198, 51, 100, 1].into()),
            name: Some("eth0".to_owned()),
            mtu: Some(1500),
        };
        assert_eq!(extensions.interfaces, [expected]);
    }
}

#[test]
fn extensions_with_a_wrong_checksum_are_not_believed() {
    let mut structure = labels_and_interface();
    structure[3] ^= 1;
    for length in [32, 0] {
        let (_, extensions) =
            read_error(Family::V4, &time_exceeded(length, v4_tcp(), &structure)).unwrap();
        assert_eq!(extensions, Extensions::default());
    }
}

#[test]
fn every_cut_of_a_message_is_read_as_far_as_it_goes() {
    let message = time_exceeded(32, v4_tcp(), &labels_and_interface());
    for end in 0..message.len() {
        let read = read_error(Family::V4, &message[..end]);
        assert_eq!(read.is_some(), end >= 8 + 20, "cut at {end}");
    }
    let packet = v6_udp_behind_options();
    for end in 0..packet.len() {
        assert_eq!(
            read_packet(&packet[..end]).is_some(),
            end >= 40,
            "cut at {end}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_packet(&bytes);
        let _ = read_error(Family::V4, &bytes);
        let _ = read_error(Family::V6, &bytes);
    }

    #[test]
    fn no_change_to_a_good_message_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        v6 in any::<bool>(),
    ) {
        let quote = if v6 { v6_udp_behind_options() } else { v4_tcp() };
        let mut message = time_exceeded(32, quote, &labels_and_interface());
        for (at, value) in changes {
            let at = at.index(message.len());
            message[at] = value;
        }
        message.truncate(cut.index(message.len() + 1));
        let read = read_error(if v6 { Family::V6 } else { Family::V4 }, &message);
        if let Some((_, extensions)) = read {
            prop_assert!(extensions.mpls.len() <= 32 && extensions.interfaces.len() <= 16);
        }
    }

    #[test]
    fn extensions_of_any_bytes_stay_bounded(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut structure = vec![0x20, 0, 0, 0];
        structure.extend(bytes);
        let extensions = extension::read(&structure);
        prop_assert!(extensions.mpls.len() <= 32 && extensions.interfaces.len() <= 16);
    }
}
