use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

/// What the sockets say on loopback to a SYN to a port where nobody listens: a reset, unless the filter wants another peer's.
#[tokio::test]
async fn segments_of_the_peers_wanted_are_heard_and_no_others() {
    for ip in [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ] {
        let spec = Open {
            family: Family::of(ip),
            source: None,
            interface: None,
        };
        let raw = match Raw::open(&spec) {
            Ok(raw) => raw,
            Err(failure) => {
                assert_eq!(
                    (failure.stage, failure.errno),
                    (Stage::Socket, Errno::EPERM)
                );
                continue;
            }
        };
        // Both held, so that nobody listens there.
        let hold = || HeldPort::hold(&Flow::to(SocketAddr::new(ip, 0))).unwrap();
        let (ours, theirs) = (hold(), hold());
        let syn = |to: u16| {
            let header = crate::proto::packet::Header {
                source: ip,
                destination: ip,
                ttl: 9,
                tos: 0,
                identification: 1,
                flow_label: 0,
            };
            let payload = crate::proto::packet::Payload::Syn {
                source: ours.number(),
                destination: to,
                sequence: 7,
                timestamp: 1,
            };
            crate::proto::packet::build(&header, payload).unwrap().bytes
        };
        let wanted = SocketAddr::new(ip, theirs.number());
        let soon = Duration::from_millis(300);
        for (peers, heard) in [
            (vec![SocketAddr::new(ip, 1)], false),
            (vec![SocketAddr::new(ip, 1), wanted], true),
        ] {
            raw.listen(&Wanted::From(&peers)).unwrap();
            let sent = raw.send(&syn(theirs.number()), ip).unwrap();
            let arrival = tokio::time::timeout(soon, raw.segment()).await;
            assert_eq!(arrival.is_ok(), heard, "{ip}");
            let Ok(arrival) = arrival else { continue };
            assert!(arrival.at >= sent && arrival.ttl.is_some());
            let segment = crate::proto::packet::read_segment(&arrival.bytes).unwrap();
            assert_eq!(
                (segment.source, segment.acknowledged),
                (theirs.number(), Some(8))
            );
        }
        raw.listen(&Wanted::Nothing).unwrap();
        raw.send(&syn(theirs.number()), ip).unwrap();
        let silence = tokio::time::timeout(Duration::from_millis(100), raw.segment()).await;
        assert!(silence.is_err());
    }
}
