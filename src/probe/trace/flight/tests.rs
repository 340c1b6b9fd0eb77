use std::net::Ipv4Addr;

use super::*;
use crate::model::{Ms, Operation};
use crate::proto::packet::{Header, Payload, build};

const PORT: u16 = 443;
const OURS: u16 = 40_000;

fn source() -> IpAddr {
    Ipv4Addr::new(192, 0, 2, 1).into()
}

fn target() -> SocketAddr {
    "198.51.100.2:443".parse().unwrap()
}

fn router() -> IpAddr {
    Ipv4Addr::new(203, 0, 113, 9).into()
}

/// A trace with these probes under way, numbered from 1.
fn flight(marks: &[Mark]) -> Flight {
    let mut flight = Flight::new(source(), target(), 0);
    for (id, mark) in (1..).zip(marks) {
        flight.sent(Asked {
            id: ProbeId(id),
            began: Instant::now(),
            observation: Observation::new(Operation::TraceTcp, Ms::ZERO, Outcome::Timeout),
            mark: *mark,
            answered: false,
        });
    }
    flight
}

fn arrived(from: IpAddr, bytes: &[u8]) -> Arrived<'_> {
    Arrived {
        from,
        bytes,
        ttl: Some(60),
        at: Instant::now(),
    }
}

fn header(source: IpAddr, destination: IpAddr) -> Header {
    Header {
        source,
        destination,
        ttl: 1,
        tos: 0,
        identification: 77,
        flow_label: 0,
    }
}

fn syn(source: u16, destination: u16, sequence: u32) -> Payload<'static> {
    Payload::Syn {
        source,
        destination,
        sequence,
        timestamp: 0,
    }
}

/// A time exceeded that quotes so many bytes of a packet.
fn exceeded(header: &Header, payload: Payload<'_>, quoted: usize) -> Vec<u8> {
    let packet = build(header, payload).unwrap().bytes;
    let mut message = vec![11, 0, 0, 0, 0, 0, 0, 0];
    message.extend(packet.iter().take(quoted));
    sealed(message)
}

fn sealed(mut message: Vec<u8>) -> Vec<u8> {
    let sum = pnet::packet::util::checksum(&message, 1).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    message
}

fn segment(from: u16, to: u16, acknowledged: u32, flags: u8) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    bytes[0..2].copy_from_slice(&from.to_be_bytes());
    bytes[2..4].copy_from_slice(&to.to_be_bytes());
    bytes[8..12].copy_from_slice(&acknowledged.to_be_bytes());
    bytes[12] = 0x50;
    bytes[13] = flags;
    bytes
}

fn tcp(sequence: u32) -> Mark {
    Mark::Tcp {
        port: OURS,
        sequence,
    }
}

#[test]
fn a_quoted_syn_is_found_by_its_sequence_number_among_all_of_its_flow() {
    let mut flight = flight(&[tcp(1000), tcp(140_000)]);
    let to = target().ip();
    let message = exceeded(&header(source(), to), syn(OURS, PORT, 140_000), 28);
    let end = flight.message(arrived(router(), &message)).unwrap();
    assert_eq!(end.id, ProbeId(2));
    assert_eq!(end.observation.outcome, Outcome::TtlExceeded);
    assert_eq!(end.observation.icmp.unwrap().quote, None);
    assert!(flight.message(arrived(router(), &message)).is_none());
}

#[test]
fn a_foreign_or_forged_quote_is_not_taken() {
    let mut flight = flight(&[tcp(1000)]);
    let to = target().ip();
    let other: IpAddr = Ipv4Addr::new(198, 51, 100, 3).into();
    for (to, payload) in [
        (to, syn(OURS, PORT, 1001)),
        (to, syn(OURS, PORT, 999)),
        (other, syn(41_000, PORT, 1000)),
        (to, syn(41_000, 80, 1000)),
    ] {
        let message = exceeded(&header(source(), to), payload, 60);
        assert!(flight.message(arrived(router(), &message)).is_none());
    }
    let mut spoilt = exceeded(&header(source(), to), syn(OURS, PORT, 1000), 60);
    spoilt[30] ^= 1;
    assert!(flight.message(arrived(router(), &spoilt)).is_none());
}

#[test]
fn a_translator_that_does_not_translate_the_quote_loses_no_answer_and_is_told() {
    let outside: IpAddr = Ipv4Addr::new(203, 0, 113, 77).into();
    let mut flight = flight(&[tcp(1000)]);
    let message = exceeded(&header(outside, target().ip()), syn(61_234, PORT, 1000), 60);
    let end = flight.message(arrived(router(), &message)).unwrap();
    let quote = end.observation.icmp.unwrap().quote.unwrap();
    let source = quote.source.unwrap();
    assert_eq!((source.address.ip(), source.port), (outside, Some(61_234)));
    assert_eq!(
        (quote.destination, quote.ttl, quote.tos),
        (None, None, None)
    );
}

#[test]
fn a_quote_without_a_sequence_number_counts_only_where_no_other_can_be_meant() {
    let to = target().ip();
    let message = exceeded(&header(source(), to), syn(OURS, PORT, 5), 24);
    assert!(
        flight(&[tcp(1), tcp(2)])
            .message(arrived(router(), &message))
            .is_none()
    );
    assert!(
        flight(&[tcp(1)])
            .message(arrived(router(), &message))
            .is_some()
    );
}

#[test]
fn segments_are_taken_from_the_target_and_for_our_sequence_number_alone() {
    let (syn_ack, reset, ack) = (0x12, 0x14, 0x10);
    let to = target().ip();
    let mut flight = flight(&[tcp(1000), tcp(200_000)]);
    for (from, bytes) in [
        (router(), segment(PORT, OURS, 1001, syn_ack)),
        (to, segment(80, OURS, 1001, syn_ack)),
        (to, segment(PORT, 41_000, 1001, syn_ack)),
        (to, segment(PORT, OURS, 1000, reset)),
        // What a host that has taken the first SYN says to the second (RFC 5961).
        (to, segment(PORT, OURS, 1001, ack)),
        // A reset that acknowledges nothing.
        (to, segment(PORT, OURS, 1001, 0x04)),
    ] {
        assert!(flight.segment(arrived(from, &bytes)).is_none());
    }
    let open = flight
        .segment(arrived(to, &segment(PORT, OURS, 1001, syn_ack)))
        .unwrap();
    assert_eq!(
        (open.id, open.observation.outcome),
        (ProbeId(1), Outcome::Ok)
    );
    assert_eq!(open.observation.reply_ttl, Some(60));
    let closed = flight
        .segment(arrived(to, &segment(PORT, OURS, 200_001, reset)))
        .unwrap();
    assert_eq!(
        (closed.id, closed.observation.outcome),
        (ProbeId(2), Outcome::Refused)
    );
}

#[test]
fn a_quoted_datagram_is_found_by_its_identification_else_by_its_checksum() {
    let payload = Payload::Datagram {
        source: OURS,
        destination: PORT,
        bytes: b"nwcheck",
    };
    let to = target().ip();
    let checksum = build(&header(source(), to), payload).unwrap().checksum;
    let udp = |identification, checksum| Mark::Udp {
        port: OURS,
        identification,
        checksum,
    };
    let message = exceeded(&header(source(), to), payload, 28);
    let hear = |marks: &[Mark]| {
        let end = flight(marks).message(arrived(router(), &message));
        end.map(|end| end.id)
    };
    assert_eq!(hear(&[udp(76, checksum), udp(77, 1)]), Some(ProbeId(2)));
    assert_eq!(hear(&[udp(5, 1), udp(6, checksum)]), Some(ProbeId(2)));
    assert_eq!(hear(&[udp(5, 1), udp(6, 2)]), None);
    assert_eq!(hear(&[udp(5, 1)]), Some(ProbeId(1)));
    let foreign = Mark::Udp {
        port: OURS + 1,
        identification: 77,
        checksum,
    };
    assert_eq!(hear(&[foreign]), None);
}

#[test]
fn echo_replies_count_from_the_target_alone_and_quotes_by_both_numbers() {
    let mark = Mark::Icmp {
        id: 7,
        sequence: 8,
        checksum: 1,
    };
    let reply = sealed(vec![0, 0, 0, 0, 0, 7, 0, 8]);
    assert!(flight(&[mark]).message(arrived(router(), &reply)).is_none());
    assert!(
        flight(&[mark])
            .message(arrived(target().ip(), &reply))
            .is_some()
    );
    let echo = |id, sequence| Payload::Echo {
        id,
        sequence,
        bytes: b"",
    };
    let hear = |to, payload| {
        let message = exceeded(&header(source(), to), payload, 28);
        flight(&[mark])
            .message(arrived(router(), &message))
            .is_some()
    };
    assert!(hear(target().ip(), echo(7, 8)));
    assert!(!hear(target().ip(), echo(7, 9)));
    assert!(!hear(target().ip(), echo(6, 8)));
    assert!(!hear(router(), echo(7, 8)));
}

#[test]
fn a_datagram_counts_only_where_no_other_can_be_meant() {
    let udp = |port| Mark::Udp {
        port,
        identification: 1,
        checksum: 1,
    };
    let hear = |marks: &[Mark]| {
        let end = flight(marks).datagram(OURS, None, Instant::now(), target().ip());
        end.map(|end| end.id)
    };
    assert_eq!(hear(&[udp(OURS + 1), udp(OURS)]), Some(ProbeId(2)));
    assert_eq!(hear(&[udp(OURS), udp(OURS)]), None);
}

proptest::proptest! {
    #[test]
    fn no_message_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
        let mut flight = flight(&[tcp(1)]);
        let _ = flight.message(arrived(router(), &sealed([vec![11, 0, 0, 0], bytes.clone()].concat())));
        let _ = flight.segment(arrived(target().ip(), &bytes));
    }
}
