use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::*;
use proptest::prelude::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

#[tokio::test]
async fn loopback_answers_wherever_echo_is_permitted() {
    for ip in [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ] {
        let spec = Open::family(Family::of(ip));
        let mut opened = Vec::new();
        for method in [Method::Ping, Method::Raw] {
            match Echo::open_as(&spec, method) {
                Ok(echo) => opened.push(echo),
                Err(failure) => {
                    assert_eq!(failure.stage, Stage::Socket);
                    assert!(matches!(failure.errno, Errno::EACCES | Errno::EPERM));
                }
            }
        }
        assert_eq!(Echo::open(&spec).is_ok(), !opened.is_empty());
        for echo in opened {
            let sent = echo.send(ip, 0, 513, b"payload", Some(7)).unwrap();
            let Event::Reply(reply) = echo.recv(soon()).await else {
                panic!("no reply over {:?}", echo.method());
            };
            assert_eq!((reply.from, reply.sequence), (ip, 513));
            assert_eq!(reply.payload, b"payload");
            assert!(reply.at >= sent && reply.ttl.is_some());
            assert_eq!(echo.recv(Instant::now()).await, Event::Silent);
            echo.send(ip, 0, 514, b"", None).unwrap();
            assert!(matches!(
                echo.recv(soon()).await,
                Event::Reply(Reply { sequence: 514, .. })
            ));
            let other = if ip.is_ipv4() { "::1" } else { "127.0.0.1" };
            let error = echo.send(other.parse().unwrap(), 0, 1, b"", None);
            assert_eq!(error, Err(Errno::EAFNOSUPPORT));
        }
    }
}

#[test]
fn a_request_has_the_right_checksum() {
    // With its own checksum in place a packet sums up to nothing (RFC 1071 section 1).
    let packet = request(Family::V4, 0x1234, 7, b"odd");
    assert_eq!(checksum(&packet), 0);
    assert_eq!(
        header(&packet),
        Some(EchoHeader {
            kind: 8,
            identifier: 0x1234,
            sequence: 7
        })
    );
}

#[test]
fn options_of_the_ip_header_are_skipped() {
    let mut packet = vec![0x46; 24];
    packet.extend(request(Family::V4, 1, 2, b""));
    assert_eq!(after_ip_header(&packet).map(<[u8]>::len), Some(HEADER));
    assert_eq!(after_ip_header(&[0x41; 40]), None);
    assert_eq!(after_ip_header(&[0x4f; 40]), None);
}

proptest! {
    #[test]
    fn no_packet_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = (header(&bytes), after_ip_header(&bytes), checksum(&bytes));
    }
}
