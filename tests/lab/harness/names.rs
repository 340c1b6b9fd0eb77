//! Name servers answer as they are programmed.

use std::{
    io::{Read as _, Write as _},
    net::UdpSocket,
    time::{Duration, Instant},
};

use hickory_resolver::proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, RecordType},
};

use crate::{
    case::{Case, cases},
    nameserver::{Manner, NameServer, Transport, Zone},
    net::Family,
    probe::connect,
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_name_server_answers_from_its_records,
        a_name_server_has_the_manners_it_was_given,
        a_name_server_is_reached_on_the_shortest_lab,
    ]
}

fn a_name_server_answers_from_its_records() {
    let lab = Lab::routers(2).build();
    let v4 = lab.server_address(Family::V4);
    let v6 = lab.server_address(Family::V6);
    let zone = Zone::new()
        .address("shop.test", v4)
        .address("shop.test", v6)
        .alias("www.shop.test", "shop.test")
        .alias("a.loop.test", "b.loop.test")
        .alias("b.loop.test", "a.loop.test")
        .empty("empty.test");
    for family in Family::BOTH {
        let address = lab.name_server_address(family, 0);
        let server = NameServer::start(lab.name_servers(), address, zone.clone());
        let ask = |name, kind| udp(&lab, &server, name, kind, false).expect("an answer");

        let answer = ask("shop.test.", RecordType::A);
        assert_eq!(answer.answers.len(), 1);
        assert_eq!(answer.answers[0].data.ip_addr(), Some(v4));
        let alias = ask("WWW.shop.test.", RecordType::AAAA);
        assert_eq!(alias.answers.len(), 2);
        assert_eq!(alias.answers[1].data.ip_addr(), Some(v6));
        assert_eq!(ask("a.loop.test.", RecordType::A).answers.len(), 20);
        assert_eq!(
            code(&ask("no.test.", RecordType::A)),
            ResponseCode::NXDomain
        );
        let nothing = ask("empty.test.", RecordType::A);
        assert_eq!(code(&nothing), ResponseCode::NoError);
        assert!(nothing.answers.is_empty());

        let seen = server.seen();
        assert_eq!(seen.len(), 5);
        assert_eq!(seen[1].name, "www.shop.test");
        assert_eq!(seen[1].kind, RecordType::AAAA);
        assert_eq!(seen[1].from.ip(), lab.client_address(family));
    }
}

fn a_name_server_has_the_manners_it_was_given() {
    let lab = Lab::routers(1).build();
    let address = lab.server_address(Family::V4);
    let late = Duration::from_millis(150);
    let manners = [
        ("bogus.test", Manner::Bogus),
        ("refused.test", Manner::Code(ResponseCode::Refused)),
        ("long.test", Manner::Truncated),
        ("late.test", Manner::Late(late)),
        ("garbage.test", Manner::Garbage),
        ("wrong.test", Manner::WrongId),
    ];
    let zone = Zone::new().kind(RecordType::AAAA, Manner::Silent);
    let zone = manners.into_iter().fold(zone, |zone, (name, manner)| {
        zone.address(name, address).name(name, manner)
    });
    let at = lab.name_server_address(Family::V4, 1);
    let server = NameServer::start(lab.name_servers(), at, zone);
    let ask = |name| udp(&lab, &server, name, RecordType::A, false).expect("an answer");

    assert!(udp(&lab, &server, "late.test.", RecordType::AAAA, false).is_none());
    assert_eq!(code(&ask("bogus.test.")), ResponseCode::ServFail);
    let unchecked = udp(&lab, &server, "bogus.test.", RecordType::A, true).expect("an answer");
    assert_eq!(code(&unchecked), ResponseCode::NoError);
    assert_eq!(code(&ask("refused.test.")), ResponseCode::Refused);
    let start = Instant::now();
    assert_eq!(ask("late.test.").answers.len(), 1);
    assert!(start.elapsed() >= late);
    assert!(udp(&lab, &server, "garbage.test.", RecordType::A, false).is_none());
    assert_ne!(ask("wrong.test.").metadata.id, ID);

    let short = ask("long.test.");
    assert!(short.metadata.truncation && short.answers.is_empty());
    let full = tcp(&lab, &server, "long.test.");
    assert!(!full.metadata.truncation);
    assert_eq!(full.answers.len(), 1);
    let last = server.seen().pop().expect("a query");
    assert_eq!(last.transport, Transport::Tcp);
}

fn a_name_server_is_reached_on_the_shortest_lab() {
    let lab = Lab::routers(0).build();
    for family in Family::BOTH {
        let address = lab.name_server_address(family, 2);
        let zone = Zone::new().address("one.test", address);
        let server = NameServer::start(lab.name_servers(), address, zone);
        assert!(udp(&lab, &server, "one.test.", RecordType::A, false).is_some());
    }
}

const ID: u16 = 0x1234;

fn query(name: &str, kind: RecordType, checking_disabled: bool) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = ID;
    message.metadata.recursion_desired = true;
    message.metadata.checking_disabled = checking_disabled;
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
    message.to_vec().expect("a message")
}

/// The answer to one datagram; none for silence and for what is no message.
fn udp(
    lab: &Lab,
    server: &NameServer,
    name: &str,
    kind: RecordType,
    checking_disabled: bool,
) -> Option<Message> {
    let address = server.address();
    let socket = lab.client().run(|| {
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        UdpSocket::bind(any).expect("a socket")
    });
    socket
        .set_read_timeout(Some(Duration::from_millis(400)))
        .expect("a time-out");
    socket
        .send_to(&query(name, kind, checking_disabled), (address, 53))
        .expect("it is sent");
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    Message::from_vec(&buffer[..length]).ok()
}

fn tcp(lab: &Lab, server: &NameServer, name: &str) -> Message {
    let target = format!("{}:53", server.address());
    let mut stream = connect(lab.client(), &target, Duration::from_secs(5)).expect("it connects");
    let query = query(name, RecordType::A, false);
    let length = u16::try_from(query.len()).expect("short").to_be_bytes();
    stream.write_all(&length).expect("it is sent");
    stream.write_all(&query).expect("it is sent");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("a length");
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).expect("an answer");
    Message::from_vec(&answer).expect("a message")
}

fn code(message: &Message) -> ResponseCode {
    message.metadata.response_code
}
