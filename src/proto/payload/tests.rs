use std::collections::BTreeSet;

use hickory_resolver::proto::op::Message;

use super::{LONGEST, TABLE, for_port};

const NONCE: [u8; 16] = *b"\xff\x00\x81\x7fabcdefghijkl";

fn bytes(port: u16) -> Vec<u8> {
    for_port(port).bytes(&NONCE)
}

/// The inside of the first BER element, which must fill all of the bytes.
fn inside(bytes: &[u8], tag: u8) -> &[u8] {
    assert_eq!(bytes[0], tag);
    assert_eq!(usize::from(bytes[1]), bytes.len() - 2, "{bytes:02x?}");
    &bytes[2..]
}

#[test]
fn no_payload_is_longer_than_what_is_promised_and_each_port_stands_once() {
    let ports: BTreeSet<u16> = TABLE.iter().map(|(port, _)| *port).collect();
    assert_eq!(ports.len(), TABLE.len());
    for (port, payload) in TABLE {
        assert!(bytes(*port).len() <= LONGEST, "{port}");
        assert!(!payload.name.is_empty());
        assert!(payload.silent.is_none_or(|why| why.ends_with('.')));
        assert!(payload.silent.is_some() || !bytes(*port).is_empty());
    }
}

#[test]
fn a_port_without_a_protocol_gets_a_short_text() {
    assert_eq!(bytes(7777), b"nwcheck");
    assert_eq!(for_port(7777).silent, None);
}

#[test]
fn dns_queries_ask_one_question() {
    for (port, name) in [(53, "."), (5353, "_services._dns-sd._udp.local.")] {
        let message = Message::from_vec(&bytes(port)).unwrap();
        assert_eq!(message.metadata.id, 0xff00);
        let [query] = message.queries.as_slice() else {
            panic!("one question");
        };
        assert_eq!(query.name().to_ascii(), name);
    }
}

#[test]
fn ntp_asks_as_a_client_of_version_4() {
    let request = bytes(123);
    assert_eq!(request.len(), 48);
    assert_eq!(request[0], 0b00_100_011);
    assert_eq!(request[40..], NONCE[..8]);
}

#[test]
fn the_lengths_inside_snmp_and_cldap_fit() {
    let snmp = bytes(161);
    let rest = inside(&snmp, 0x30);
    assert_eq!(rest[..3], [2, 1, 3]);
    let (header, rest) = rest[3..].split_at(17);
    let (security, context) = rest.split_at(18);
    inside(header, 0x30);
    inside(inside(security, 0x04), 0x30);
    let request = &inside(context, 0x30)[4..];
    assert_eq!(inside(request, 0xa0).len(), 12);
    let cldap = bytes(389);
    let search = &inside(&cldap, 0x30)[3..];
    let attributes = &inside(search, 0x63)[30..];
    assert_eq!(inside(attributes, 0x30), b"\x04\x031.1");
}

#[test]
fn quic_is_padded_and_of_a_version_that_forces_negotiation() {
    let packet = bytes(443);
    assert_eq!(packet.len(), 1200);
    assert!(packet[1..5].iter().all(|byte| byte & 0x0f == 0x0a));
    assert_eq!(packet[0] & 0xc0, 0xc0);
    assert_eq!((packet[5], packet[14]), (8, 8));
}

#[test]
fn ike_payloads_follow_one_another_to_the_end() {
    let message = bytes(500);
    assert_eq!(
        usize::from(u16::from_be_bytes([message[26], message[27]])),
        message.len()
    );
    let mut next = message[16];
    let mut rest = &message[28..];
    let mut met = Vec::new();
    while next != 0 {
        met.push(next);
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        next = rest[0];
        rest = &rest[length..];
    }
    assert_eq!(met, [33, 34, 40]);
    assert!(rest.is_empty());
    let encapsulated = bytes(4500);
    assert_eq!(encapsulated[..4], [0; 4]);
    assert_eq!(encapsulated[4..], message);
}

#[test]
fn l2tp_attributes_fill_the_message() {
    let message = bytes(1701);
    assert_eq!(
        usize::from(u16::from_be_bytes([message[2], message[3]])),
        message.len()
    );
    let mut rest = &message[12..];
    let mut kinds = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(rest[1]);
        kinds.push(rest[5]);
        rest = &rest[length..];
    }
    assert_eq!(kinds, [0, 2, 3, 7, 9]);
}

#[test]
fn fixed_messages_have_the_length_of_their_format() {
    for (port, length) in [
        (111, 40),
        (137, 50),
        (1194, 14),
        (1812, 38),
        (3478, 20),
        (51820, 148),
    ] {
        assert_eq!(bytes(port).len(), length, "{port}");
    }
    assert_eq!(bytes(514), b"");
}

#[test]
fn texts_end_as_their_protocols_want() {
    for port in [1900, 5060] {
        let text = String::from_utf8(bytes(port)).unwrap();
        assert!(text.ends_with("\r\n\r\n"), "{port}");
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{port}");
    }
    assert!(bytes(69).starts_with(b"\0\x01nwcheck-"));
    assert!(bytes(69).ends_with(b"\0octet\0"));
}
