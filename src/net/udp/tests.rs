use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use super::*;
use crate::net::flow::SourcePort;
use crate::net::queue::Origin;

fn both() -> [IpAddr; 2] {
    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(300)
}

#[tokio::test]
async fn an_answer_comes_with_its_time_and_ttl() {
    for ip in both() {
        let server = UdpSocket::bind((ip, 0)).unwrap();
        let flow = Flow::to(server.local_addr().unwrap());
        let udp = Udp::open(&flow, Fragmentation::System).unwrap();
        let sent = udp.send(b"question", Some(9)).unwrap();
        let mut bytes = [0; 16];
        let (length, from) = server.recv_from(&mut bytes).unwrap();
        assert_eq!((length, from), (8, udp.source()));
        server.send_to(b"answer", from).unwrap();
        let Received::Datagram(answer) = udp.recv(soon()).await else {
            panic!("no answer");
        };
        assert_eq!(
            (answer.bytes.as_slice(), answer.ttl),
            (&b"answer"[..], Some(64))
        );
        assert!(answer.received.is_some() && answer.at >= sent);
        assert_eq!(udp.recv(Instant::now()).await, Received::Silent);
    }
}

#[tokio::test]
async fn an_unconnected_socket_takes_answers_from_any_port_of_the_address_asked_and_of_no_other() {
    let asked = UdpSocket::bind("127.0.0.1:0").unwrap();
    let flow = Flow {
        source_port: SourcePort::AtBind,
        ..Flow::to(asked.local_addr().unwrap())
    };
    let udp = Udp::open_unconnected(&flow).unwrap();
    udp.send(b"question", None).unwrap();
    let (_, from) = asked.recv_from(&mut [0; 16]).unwrap();
    assert_eq!(from.port(), udp.source().port());
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    stranger.send_to(b"stranger", from).unwrap();
    let other_port = UdpSocket::bind("127.0.0.1:0").unwrap();
    other_port.send_to(b"answer", from).unwrap();
    let Received::Datagram(answer) = udp.recv(soon()).await else {
        panic!("no answer");
    };
    assert_eq!(answer.bytes, b"answer");
    assert_eq!(udp.recv(Instant::now()).await, Received::Silent);
    drop(asked);
    udp.send(b"again", None).unwrap();
    let Received::Error(error) = udp.recv(soon()).await else {
        panic!("no error");
    };
    assert_eq!((error.icmp_type, error.icmp_code), (3, 3));
}

#[tokio::test]
async fn a_closed_port_is_an_icmp_error_from_the_target_for_each_datagram() {
    for ip in both() {
        let closed = UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap();
        let udp = Udp::open(&Flow::to(closed), Fragmentation::Probe).unwrap();
        for payload in [&b"first"[..], b"second"] {
            let sent = udp.send(payload, None).unwrap();
            let Received::Error(error) = udp.recv(soon()).await else {
                panic!("no error");
            };
            let (origin, code) = match ip {
                IpAddr::V4(_) => (Origin::Icmp, (3, 3)),
                IpAddr::V6(_) => (Origin::Icmp6, (1, 4)),
            };
            assert_eq!(
                (error.origin, (error.icmp_type, error.icmp_code)),
                (origin, code)
            );
            assert_eq!(error.errno, Errno::ECONNREFUSED);
            assert_eq!(error.offender, Some(ip));
            assert_eq!(error.destination, Some(closed));
            assert_eq!(error.payload, payload);
            assert_eq!(error.ttl, Some(64));
            assert!(error.at >= sent && error.received.is_some());
        }
        assert_eq!(udp.recv(Instant::now()).await, Received::Silent);
    }
}

#[tokio::test]
async fn an_earlier_error_does_not_fail_the_next_send() {
    for ip in both() {
        let closed = UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap();
        let udp = Udp::open(&Flow::to(closed), Fragmentation::System).unwrap();
        for _ in 0..5 {
            udp.send(b"x", None).unwrap();
        }
        for _ in 0..5 {
            assert!(matches!(udp.recv(soon()).await, Received::Error(_)));
        }
        assert_eq!(udp.recv(Instant::now()).await, Received::Silent);
    }
}

#[tokio::test]
async fn more_than_the_interface_takes_is_too_long() {
    for ip in both() {
        let server = UdpSocket::bind((ip, 0)).unwrap();
        let flow = Flow::to(server.local_addr().unwrap());
        let udp = Udp::open(&flow, Fragmentation::Forbidden).unwrap();
        assert_eq!(udp.send(&vec![0; 65_536], None), Err(Errno::EMSGSIZE));
        assert!(udp.path_mtu().unwrap() >= 1280);
    }
}

#[tokio::test]
async fn a_taken_source_port_fails_the_bind() {
    for ip in both() {
        let server = UdpSocket::bind((ip, 0)).unwrap();
        let mut flow = Flow::to(server.local_addr().unwrap());
        flow.source = Some(ip);
        flow.source_port = SourcePort::Fixed(flow.destination.port());
        let failure = Udp::open(&flow, Fragmentation::System).unwrap_err();
        assert_eq!(
            (failure.stage, failure.errno),
            (Stage::Bind, Errno::EADDRINUSE)
        );
    }
}

#[tokio::test]
async fn a_label_of_our_own_and_all_else_can_be_set() {
    for ip in both() {
        let server = UdpSocket::bind((ip, 0)).unwrap();
        let mut flow = Flow::to(server.local_addr().unwrap());
        flow.source = Some(ip);
        flow.source_port = SourcePort::AtBind;
        flow.interface = Some("lo".to_owned());
        flow.tos = Some(0x48);
        flow.flow_label = Some(0x54321);
        let udp = Udp::open(&flow, Fragmentation::Probe).unwrap();
        udp.send(b"x", Some(1)).unwrap();
        assert_eq!(server.recv(&mut [0; 4]).unwrap(), 1);
    }
}
