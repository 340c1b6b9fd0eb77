use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream as StdStream};

use super::*;
use crate::net::flow::SourcePort;
use crate::net::tcp_info::TcpState;

const SOON: Duration = Duration::from_millis(300);

fn both() -> [std::net::IpAddr; 2] {
    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

fn to(address: SocketAddr) -> Connect {
    Connect::on(Flow::to(address))
}

async fn attempt(connect: &Connect) -> Attempt {
    start(connect).unwrap().wait(Instant::now() + SOON).await
}

fn opened(attempt: Attempt) -> Stream {
    match attempt.result {
        Outcome::Opened(stream) => stream,
        other => panic!("{other:?}"),
    }
}

fn listener(ip: std::net::IpAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn closed_port(ip: std::net::IpAddr) -> SocketAddr {
    listener(ip).1
}

#[tokio::test]
async fn an_open_port_opens_and_is_measured() {
    for ip in both() {
        let (_listener, address) = listener(ip);
        let pending = start(&to(address)).unwrap();
        let port = pending.source_port();
        let attempt = pending.wait(Instant::now() + SOON).await;
        assert_eq!(attempt.source, SocketAddr::new(ip, port));
        assert!(attempt.ended >= attempt.began);
        let info = opened(attempt).tcp_info().unwrap();
        assert_eq!(info.state, TcpState::Established);
        assert_eq!(info.total_retrans, Some(0));
        assert!(info.rtt.unwrap() < SOON && info.pmtu.unwrap() > 1000);
    }
}

#[tokio::test]
async fn a_closed_port_refuses_with_an_empty_queue() {
    for ip in both() {
        let attempt = attempt(&to(closed_port(ip))).await;
        let Outcome::Failed(failure) = attempt.result else {
            panic!("{attempt:?}");
        };
        assert_eq!(failure.errno, Errno::ECONNREFUSED);
        assert_eq!(failure.stage, Stage::Wait);
        assert!(failure.queue.is_empty() && failure.kernel_rtt.is_none());
        assert_eq!(failure.retransmits, 0);
    }
}

#[tokio::test]
async fn a_full_backlog_is_silent_and_can_be_waited_for_again() {
    for ip in both() {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address((ip, 0).into()),
            socket2::Type::STREAM,
            None,
        )
        .unwrap();
        socket.bind(&SocketAddr::new(ip, 0).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        // A backlog of 0 holds one connection.
        let _first = StdStream::connect(address).unwrap();
        let attempt = attempt(&to(address)).await;
        let Outcome::Silent(pending) = attempt.result else {
            panic!("{attempt:?}");
        };
        assert!(attempt.ended - attempt.began >= SOON);
        let again = pending.wait(Instant::now()).await;
        assert!(matches!(again.result, Outcome::Silent(_)));
        assert_eq!((again.began, again.source), (attempt.began, attempt.source));
    }
}

#[tokio::test]
async fn a_source_port_that_is_taken_fails_the_bind() {
    for ip in both() {
        let (_listener, address) = listener(ip);
        let mut connect = to(closed_port(ip));
        connect.flow.source = Some(ip);
        connect.flow.source_port = SourcePort::Fixed(address.port());
        let failure = start(&connect).unwrap_err();
        assert_eq!(failure.errno, Errno::EADDRINUSE);
        assert_eq!(failure.stage, Stage::Bind);
    }
}

#[tokio::test]
async fn a_source_address_that_is_not_ours_fails_the_bind() {
    let mut connect = to(closed_port(Ipv4Addr::LOCALHOST.into()));
    connect.flow.source = Some("198.51.100.1".parse().unwrap());
    let failure = start(&connect).unwrap_err();
    assert_eq!(failure.errno, Errno::EADDRNOTAVAIL);
    assert_eq!(failure.stage, Stage::Bind);
}

#[tokio::test]
async fn an_interface_that_does_not_exist_is_said_so() {
    let mut connect = to(closed_port(Ipv4Addr::LOCALHOST.into()));
    connect.flow.interface = Some("nowhere0".to_owned());
    let failure = start(&connect).unwrap_err();
    assert_eq!(failure.stage, Stage::Interface);
    assert!(matches!(failure.errno, Errno::ENODEV | Errno::EPERM));
}

#[tokio::test]
async fn one_source_port_serves_again_after_a_reset_and_after_a_drop() {
    for ip in both() {
        let (_listener, address) = listener(ip);
        let mut connect = to(address);
        connect.flow.source = Some(ip);
        connect.flow.source_port = SourcePort::AtBind;
        let first = attempt(&connect).await;
        connect.flow.source_port = SourcePort::Fixed(first.source.port());
        opened(first).close(Close::Reset);
        for _ in 0..3 {
            opened(attempt(&connect).await).close(Close::Reset);
        }
        drop(start(&connect).unwrap());
        opened(attempt(&connect).await).close(Close::Reset);
    }
}

#[tokio::test]
async fn all_options_together_still_connect() {
    for ip in both() {
        let (_listener, address) = listener(ip);
        let mut connect = to(address);
        connect.flow.source = Some(ip);
        connect.flow.interface = Some("lo".to_owned());
        connect.flow.tos = Some(0x48);
        connect.flow.ttl = Some(9);
        connect.flow.min_ttl = Some(1);
        connect.flow.flow_label = Some(0x12345);
        connect.max_segment = Some(1000);
        connect.reuse_address = true;
        let info = opened(attempt(&connect).await).tcp_info().unwrap();
        assert!(info.snd_mss.unwrap() <= 1000);
    }
}

#[tokio::test]
async fn segments_below_the_least_ttl_are_not_heard() {
    for ip in both() {
        let (_listener, address) = listener(ip);
        let mut connect = to(address);
        connect.flow.min_ttl = Some(65);
        let outcome = attempt(&connect).await.result;
        assert!(matches!(outcome, Outcome::Silent(_)), "{outcome:?}");
        connect.flow.min_ttl = Some(64);
        opened(attempt(&connect).await);
    }
}

#[tokio::test]
async fn what_the_peer_does_unasked_is_seen_and_not_consumed() {
    use std::io::Write;
    let (listener, address) = listener(Ipv4Addr::LOCALHOST.into());
    let stream = opened(attempt(&to(address)).await);
    let (mut peer, _) = listener.accept().unwrap();
    let moment = Duration::from_millis(30);
    assert_eq!(stream.peer_closed_soon(moment).await, Peer::Quiet);
    peer.write_all(b"220 hello").unwrap();
    assert_eq!(stream.peer_closed_soon(SOON).await, Peer::Data(9));
    assert_eq!(stream.peer_closed_soon(SOON).await, Peer::Data(9));

    let stream = opened(attempt(&to(address)).await);
    drop(listener.accept().unwrap());
    assert_eq!(stream.peer_closed_soon(SOON).await, Peer::Closed);

    let stream = opened(attempt(&to(address)).await);
    let (peer, _) = listener.accept().unwrap();
    let peer = socket2::Socket::from(peer);
    peer.set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    assert_eq!(stream.peer_closed_soon(SOON).await, Peer::Reset);
}

#[tokio::test]
async fn a_reset_right_after_the_handshake_is_no_refusal() {
    for ip in both() {
        let (listener, address) = listener(ip);
        let pending = start(&to(address)).unwrap();
        let (peer, _) = listener.accept().unwrap();
        let peer = socket2::Socket::from(peer);
        peer.set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        // Only now is it asked what became of it.
        let stream = opened(pending.wait(Instant::now() + SOON).await);
        assert!(stream.tcp_info().unwrap().handshake_rtt().is_some());
        assert_eq!(stream.peer_closed_soon(SOON).await, Peer::Reset);
    }
}

#[tokio::test]
async fn a_polite_close_sends_no_reset_though_the_peer_spoke() {
    use std::io::{Read, Write};
    let (listener, address) = listener(Ipv4Addr::LOCALHOST.into());
    let stream = opened(attempt(&to(address)).await);
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"220 hello").unwrap();
    assert_eq!(stream.peer_closed_soon(SOON).await, Peer::Data(9));
    stream.close(Close::Fin);
    assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
}

#[tokio::test]
async fn a_stream_of_tokios_reads_what_was_only_peeked_at() {
    use std::io::Write;
    use tokio::io::AsyncReadExt;
    let (listener, address) = listener(Ipv6Addr::LOCALHOST.into());
    let stream = opened(attempt(&to(address)).await);
    let (mut peer, _) = listener.accept().unwrap();
    peer.write_all(b"220 hello").unwrap();
    assert_eq!(stream.peer_closed_soon(SOON).await, Peer::Data(9));
    let mut stream = stream.into_tokio().unwrap();
    let mut bytes = [0; 9];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"220 hello");
    assert_eq!(info_of(&stream).unwrap().bytes_received, Some(9));
    assert!(errors_of(&stream).is_empty());
    close(stream, Close::Reset);
}
