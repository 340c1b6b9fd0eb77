use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::model::options::Override;
use crate::model::resolution::Transport;
use crate::model::standing::Standing;
use crate::model::target::{Kind as TargetKind, Protocol};
use crate::model::{Evidence, Ms, Operation, Options, Target};

/// How the test's server answers a question.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// `192.0.2.7` for A, `2001:db8::7` for AAAA.
    Good,
    /// No such name.
    Nxdomain,
    /// A name with an A record alone.
    OnlyA,
    /// The server failure that vanishes with checking disabled.
    Bogus,
    /// Silence over UDP, answers over TCP.
    SilentUdp,
    /// Cut short over UDP, answers over TCP.
    Truncated,
    /// Does not know EDNS.
    NoEdns,
    /// No DNS at all.
    Garbage,
    /// Answers A and never AAAA.
    DropsAaaa,
}

/// A name server on this machine that answers in one manner, and keeps the names it was asked for.
struct Server {
    endpoint: Endpoint,
    asked: Rc<RefCell<Vec<String>>>,
}

/// The answer to a question; none is silence.
fn answer(
    manner: Manner,
    bytes: &[u8],
    tcp: bool,
    asked: &RefCell<Vec<String>>,
) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(bytes).unwrap();
    let question = message.queries[0].clone();
    asked.borrow_mut().push(question.name.to_ascii());
    let edns = message.edns.take().is_some();
    message.metadata.message_type = MessageType::Response;
    let mut code = ResponseCode::NoError;
    let mut found = true;
    match manner {
        Manner::Garbage => return Some(b"what is this".to_vec()),
        Manner::SilentUdp if !tcp => return None,
        Manner::DropsAaaa if question.query_type == RecordType::AAAA => return None,
        Manner::OnlyA => found = question.query_type == RecordType::A,
        Manner::Nxdomain => code = ResponseCode::NXDomain,
        Manner::Bogus if !message.metadata.checking_disabled => code = ResponseCode::ServFail,
        Manner::NoEdns if edns => code = ResponseCode::FormErr,
        Manner::Truncated if !tcp => {
            message.metadata.truncation = true;
            found = false;
        }
        _ => {}
    }
    message.metadata.response_code = code;
    if found && code == ResponseCode::NoError {
        let data = match question.query_type {
            RecordType::A => RData::A(A("192.0.2.7".parse().unwrap())),
            _ => RData::AAAA(AAAA("2001:db8::7".parse().unwrap())),
        };
        message.add_answer(Record::from_rdata(question.name, 60, data));
    }
    Some(message.to_vec().unwrap())
}

async fn serve(manner: Manner) -> Server {
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = udp.local_addr().unwrap();
    let tcp = TcpListener::bind(address).await.unwrap();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let names = Rc::clone(&asked);
    tokio::task::spawn_local(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            if let Some(bytes) = answer(manner, &buffer[..length], false, &names) {
                udp.send_to(&bytes, from).await.unwrap();
            }
        }
    });
    let names = Rc::clone(&asked);
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.unwrap_or(0);
            let mut bytes = vec![0; usize::from(length)];
            if stream.read_exact(&mut bytes).await.is_err() || bytes.is_empty() {
                continue;
            }
            if let Some(bytes) = answer(manner, &bytes, true, &names) {
                let length = u16::try_from(bytes.len()).unwrap();
                stream.write_u16(length).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
            }
        }
    });
    Server {
        endpoint: Endpoint::new(address.ip(), address.port()),
        asked,
    }
}

/// A machine whose system's resolver does not know the name, and whose files are these.
struct Machine {
    _files: tempfile::TempDir,
    environment: Environment,
}

fn machine(resolv_conf: &str, hosts: &str, port: u16) -> Machine {
    let files = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let environment = Environment {
        resolv_conf: write("resolv.conf", resolv_conf),
        nsswitch: write("nsswitch.conf", "hosts: files dns\n"),
        hosts: write("hosts", hosts),
        upstream: files.path().join("upstream"),
        links: false,
        gai: files.path().join("gai.conf"),
        port,
        host_name: None,
        local_domain: None,
        options: None,
        system: Arc::new(|_, _| {
            Ok(SystemAnswer {
                outcome: Outcome::Nxdomain,
                addresses: Vec::new(),
                error: Some("EAI_NONAME: Name or service not known".to_owned()),
                errno: None,
            })
        }),
        patience: Patience {
            again: Duration::from_millis(150),
            window: Duration::from_millis(400),
            follow_up: Duration::from_millis(300),
            server: Duration::from_secs(3),
            grace: Duration::from_millis(200),
        },
    };
    Machine {
        _files: files,
        environment,
    }
}

fn system_with(addresses: &[&str]) -> environment::System {
    let addresses: Vec<Address> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Arc::new(move |_, _| {
        Ok(SystemAnswer {
            outcome: Outcome::Ok,
            addresses: addresses.clone(),
            error: None,
            errno: None,
        })
    })
}

fn recorder(host: &str, options: Options) -> Recorder {
    let target = Target {
        input: host.to_owned(),
        kind: TargetKind::Fqdn,
        protocol: Protocol::Tcp,
        host: host.to_owned(),
        port: Some(443),
        uri: None,
    };
    let source = crate::model::source::Source::default();
    Recorder::new(Evidence::new(
        Timestamp::UNIX_EPOCH,
        options,
        target,
        source,
    ))
}

fn asking(servers: &[&Server]) -> Options {
    Options {
        servers: servers
            .iter()
            .map(|server| server.endpoint.clone())
            .collect(),
        ..Options::default()
    }
}

/// Runs a test on one thread, as the check does.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

/// Resolves to the end, and gives what stands in the evidence.
async fn resolved(host: &str, options: Options, machine: &Machine) -> (Resolution, Evidence) {
    let recorder = recorder(host, options);
    resolve_in(recorder.clone(), machine.environment.clone()).await;
    while !recorder.read(|evidence| evidence.resolution.as_ref().unwrap().complete) {
        recorder.changed().await;
    }
    let evidence = recorder.snapshot();
    (evidence.resolution.clone().unwrap(), evidence)
}

fn outcomes(resolution: &Resolution) -> BTreeMap<(String, Transport), Outcome> {
    resolution
        .servers
        .iter()
        .filter(|answer| !answer.checking_disabled)
        .map(|answer| ((answer.record.clone(), answer.transport), answer.outcome))
        .collect()
}

fn texts(addresses: &[Address]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn an_address_is_asked_of_nobody() {
    run(async {
        let machine = machine("", "", 1);
        let (resolution, evidence) = resolved("2001:db8::1", Options::default(), &machine).await;
        assert_eq!(texts(&resolution.addresses), ["2001:db8::1"]);
        assert!(resolution.source(SourceKind::Literal).is_some());
        assert!(evidence.observations.is_empty());
    });
}

#[test]
fn answers_given_by_option_are_taken_for_their_name_and_port_and_nobody_is_asked() {
    run(async {
        let given = |host: &str, port, address: &str| Override {
            host: host.to_owned(),
            port,
            address: address.parse().unwrap(),
        };
        let options = Options {
            resolve: vec![
                given("db.example", 443, "192.0.2.1"),
                given("DB.example.", 443, "192.0.2.2"),
                given("db.example", 80, "192.0.2.3"),
                given("other.example", 443, "192.0.2.4"),
            ],
            ..Options::default()
        };
        let (resolution, evidence) = resolved("db.example", options, &machine("", "", 1)).await;
        assert_eq!(texts(&resolution.addresses), ["192.0.2.1", "192.0.2.2"]);
        assert!(evidence.observations.is_empty());
    });
}

#[test]
fn named_servers_replace_the_system_and_their_addresses_are_used() {
    run(async {
        let server = serve(Manner::Good).await;
        let (resolution, evidence) =
            resolved("db.example", asking(&[&server]), &machine("", "", 1)).await;
        let mut found = texts(&resolution.addresses);
        found.sort();
        assert_eq!(found, ["192.0.2.7", "2001:db8::7"]);
        assert!(resolution.source(SourceKind::System).is_none());
        for answer in &resolution.servers {
            let id = answer.observation.unwrap();
            let observation = &evidence.observations[id as usize - 1];
            assert_eq!(observation.operation, Operation::Query);
            assert_eq!(observation.endpoint.as_ref(), Some(&server.endpoint));
        }
    });
}

#[test]
fn what_the_system_says_no_to_has_no_addresses_though_a_server_has_it() {
    run(async {
        let server = serve(Manner::Good).await;
        let port = server.endpoint.port.unwrap();
        let machine = machine("nameserver 127.0.0.1\n", "", port);
        let (resolution, evidence) = resolved("db.example", Options::default(), &machine).await;
        assert!(resolution.addresses.is_empty());
        assert_eq!(resolution.servers.len(), 2);
        let resolver = evidence.source.resolver.unwrap();
        assert_eq!(resolver.nsswitch, ["files", "dns"]);
        assert!(resolver.asked_by.is_some());
    });
}

#[test]
fn the_system_decides_the_order_and_what_is_too_many_is_noted() {
    run(async {
        let mut machine = machine("", "", 1);
        machine.environment.system =
            system_with(&["192.0.2.9", "192.0.2.1", "192.0.2.9", "192.0.2.3"]);
        let options = Options {
            all_addresses: 2,
            ..Options::default()
        };
        let (resolution, evidence) = resolved("db.example", options, &machine).await;
        assert_eq!(texts(&resolution.addresses), ["192.0.2.9", "192.0.2.1"]);
        assert_eq!(evidence.not_measured[0].what, "1 further address");
    });
}

#[test]
fn a_system_that_keeps_waiting_is_left_behind_and_its_late_answer_recorded() {
    run(async {
        let server = serve(Manner::Good).await;
        let port = server.endpoint.port.unwrap();
        let mut machine = machine("nameserver 127.0.0.1\noptions timeout:2\n", "", port);
        machine.environment.system = Arc::new(|_, _| {
            std::thread::sleep(Duration::from_secs(1));
            system_with(&["192.0.2.99"])("", Family::Any)
        });
        let recorder = recorder("db.example", Options::default());
        resolve_in(recorder.clone(), machine.environment.clone()).await;
        let early = recorder.snapshot().resolution.unwrap();
        assert_eq!(early.addresses.len(), 2);
        let waiting = early.source(SourceKind::System).unwrap();
        assert_eq!(waiting.outcome, Outcome::Timeout);
        loop {
            recorder.changed().await;
            let late = recorder.snapshot().resolution.unwrap();
            if late.source(SourceKind::System).unwrap().outcome == Outcome::Ok {
                // The check has begun with the others.
                assert_eq!(late.addresses, early.addresses);
                return;
            }
        }
    });
}

#[test]
fn the_search_list_is_gone_through_in_order_until_a_server_has_the_name() {
    run(async {
        let nobody = serve(Manner::Nxdomain).await;
        let machine = machine("search a.example b.example\noptions ndots:2\n", "", 1);
        let (resolution, _) = resolved("db.x", asking(&[&nobody]), &machine).await;
        assert_eq!(
            resolution.names,
            ["db.x.a.example", "db.x.b.example", "db.x"]
        );
        let mut asked = nobody.asked.borrow().clone();
        asked.dedup();
        assert_eq!(asked, ["db.x.a.example.", "db.x.b.example.", "db.x."]);
        let all = serve(Manner::Good).await;
        let (resolution, _) = resolved("db.x", asking(&[&all]), &machine).await;
        assert!(
            resolution
                .servers
                .iter()
                .all(|a| a.name == "db.x.a.example")
        );
        let absolute = serve(Manner::Nxdomain).await;
        let (resolution, _) = resolved("db.x.", asking(&[&absolute]), &machine).await;
        assert_eq!(resolution.names, ["db.x"]);
    });
}

#[test]
fn a_server_that_is_silent_over_udp_is_tried_over_tcp_and_its_answer_there_is_not_used() {
    run(async {
        let server = serve(Manner::SilentUdp).await;
        let (resolution, _) = resolved("db.example", asking(&[&server]), &machine("", "", 1)).await;
        assert!(resolution.addresses.is_empty());
        let outcomes = outcomes(&resolution);
        assert_eq!(
            outcomes[&("A".to_owned(), Transport::Udp)],
            Outcome::Timeout
        );
        assert_eq!(
            outcomes[&("AAAA".to_owned(), Transport::Udp)],
            Outcome::Timeout
        );
        assert_eq!(outcomes[&("A".to_owned(), Transport::Tcp)], Outcome::Ok);
        assert_eq!(outcomes.len(), 3);
        // A question is sent twice.
        assert_eq!(server.asked.borrow().len(), 5);
    });
}

#[test]
fn an_answer_that_is_cut_short_is_asked_for_again_over_tcp() {
    run(async {
        let server = serve(Manner::Truncated).await;
        let (resolution, _) = resolved("db.example", asking(&[&server]), &machine("", "", 1)).await;
        assert_eq!(resolution.addresses.len(), 2);
        assert!(
            resolution
                .servers
                .iter()
                .all(|answer| answer.truncated == (answer.transport == Transport::Udp))
        );
    });
}

#[test]
fn a_server_that_does_not_know_edns_is_asked_without() {
    run(async {
        let server = serve(Manner::NoEdns).await;
        let (resolution, evidence) =
            resolved("db.example", asking(&[&server]), &machine("", "", 1)).await;
        assert_eq!(resolution.addresses.len(), 2);
        assert_eq!(resolution.servers.len(), 2);
        assert_eq!(evidence.observations.len(), 4);
    });
}

#[test]
fn a_failure_that_vanishes_with_checking_disabled_is_kept_apart() {
    run(async {
        let server = serve(Manner::Bogus).await;
        let (resolution, _) = resolved("db.example", asking(&[&server]), &machine("", "", 1)).await;
        assert!(resolution.addresses.is_empty());
        assert_eq!(
            resolution.standing(&server.endpoint, Family::Any),
            Some(Standing::Bogus)
        );
        assert!(
            resolution
                .servers
                .iter()
                .any(|answer| answer.checking_disabled)
        );
    });
}

#[test]
fn what_is_no_dns_is_malformed() {
    run(async {
        let server = serve(Manner::Garbage).await;
        let (resolution, _) = resolved("db.example", asking(&[&server]), &machine("", "", 1)).await;
        assert_eq!(
            resolution.standing(&server.endpoint, Family::Any),
            Some(Standing::Broken)
        );
    });
}

#[test]
fn a_closed_port_shows_at_once() {
    run(async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::new(
            std::net::IpAddr::from([127, 0, 0, 1]),
            socket.local_addr().unwrap().port(),
        );
        drop(socket);
        let options = Options {
            servers: vec![endpoint.clone()],
            ..Options::default()
        };
        let began = Instant::now();
        let (resolution, evidence) = resolved("db.example", options, &machine("", "", 1)).await;
        assert!(began.elapsed() < Duration::from_millis(400));
        assert_eq!(
            resolution.standing(&endpoint, Family::Any),
            Some(Standing::Unreachable(Outcome::PortUnreachable))
        );
        assert_eq!(
            evidence.observations[0].errno.as_deref(),
            Some("ECONNREFUSED")
        );
    });
}

#[test]
fn the_other_family_is_asked_for_only_to_say_that_it_is_there() {
    run(async {
        let server = serve(Manner::OnlyA).await;
        let options = Options {
            family: Family::Ipv6,
            ..asking(&[&server])
        };
        let (resolution, _) = resolved("db.example", options, &machine("", "", 1)).await;
        assert!(resolution.addresses.is_empty());
        let outcomes = outcomes(&resolution);
        assert_eq!(
            outcomes[&("AAAA".to_owned(), Transport::Udp)],
            Outcome::NoData
        );
        assert_eq!(outcomes[&("A".to_owned(), Transport::Udp)], Outcome::Ok);
    });
}

#[test]
fn one_type_that_is_never_answered_does_not_keep_the_other_back() {
    run(async {
        let server = serve(Manner::DropsAaaa).await;
        let (resolution, _) = resolved("db.example", asking(&[&server]), &machine("", "", 1)).await;
        assert_eq!(texts(&resolution.addresses), ["192.0.2.7"]);
    });
}

#[test]
fn the_delay_of_an_application_is_that_of_its_resolver() {
    run(async {
        let server = serve(Manner::SilentUdp).await;
        let port = server.endpoint.port.unwrap();
        let mut machine = machine("nameserver 127.0.0.1\noptions timeout:3\n", "", port);
        machine.environment.system = Arc::new(|_, _| {
            std::thread::sleep(Duration::from_millis(1500));
            system_with(&[])("", Family::Any)
        });
        let (resolution, _) = resolved("db.example", Options::default(), &machine).await;
        assert_eq!(resolution.application_delay_ms, Some(Ms::from_millis(6000)));
    });
}

#[test]
fn near_misses_come_from_the_hosts_file_when_there_is_no_address() {
    run(async {
        let server = serve(Manner::Nxdomain).await;
        let machine = machine("", "10.0.0.1 db.example\n", 1);
        let (resolution, _) = resolved("bd.example", asking(&[&server]), &machine).await;
        assert_eq!(resolution.near_misses, ["db.example"]);
    });
}

#[test]
fn a_static_program_takes_what_the_machines_getent_gives() {
    let found = |text: &str| crate::net::getent::Found {
        ip: text.parse().unwrap(),
        scope: None,
    };
    let both = || Ok(vec![found("2001:db8::7"), found("192.0.2.7")]);
    let answer = environment::through_getent(Family::Any, both()).unwrap();
    assert_eq!(texts(&answer.addresses), ["2001:db8::7", "192.0.2.7"]);
    let answer = environment::through_getent(Family::Ipv4, both()).unwrap();
    assert_eq!(texts(&answer.addresses), ["192.0.2.7"]);
    // Exit status 2 is "no such name" and "no server answered" alike: neither is claimed.
    let answer = environment::through_getent(Family::Any, Ok(Vec::new())).unwrap();
    assert_eq!(answer.outcome, Outcome::OtherError);
}

/// A machine whose `getent` can't be asked.
fn without_getent(mut machine: Machine) -> Machine {
    machine.environment.system = Arc::new(|_, family| {
        let gone = Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        environment::through_getent(family, gone)
    });
    machine
}

#[test]
fn without_getent_the_hosts_file_is_read_and_that_is_said() {
    run(async {
        let server = serve(Manner::Nxdomain).await;
        let port = server.endpoint.port.unwrap();
        let hosts = "10.0.0.1 other.example\n10.0.0.7 db.example\n2001:db8::1 db.example\n";
        let machine = without_getent(machine("nameserver 127.0.0.1\n", hosts, port));
        let options = || Options {
            family: Family::Ipv4,
            ..Options::default()
        };
        let (resolution, evidence) = resolved("db.example", options(), &machine).await;
        assert_eq!(texts(&resolution.addresses), ["10.0.0.7"]);
        assert!(resolution.source(SourceKind::System).is_none());
        let [note] = evidence.not_measured.as_slice() else {
            panic!("{:?}", evidence.not_measured);
        };
        assert!(note.what.contains("an application") && note.why.contains("hosts file"));
        // Where nsswitch.conf does not name the file, an application does not read it.
        std::fs::write(&machine.environment.nsswitch, "hosts: dns\n").unwrap();
        let (resolution, _) = resolved("db.example", options(), &machine).await;
        assert!(resolution.addresses.is_empty());
    });
}

#[test]
fn without_getent_and_hosts_the_servers_decide() {
    run(async {
        let server = serve(Manner::Good).await;
        let port = server.endpoint.port.unwrap();
        let conf = "nameserver 127.0.0.1\nsearch example\n";
        let machine = without_getent(machine(conf, "", port));
        let (resolution, _) = resolved("db", Options::default(), &machine).await;
        let mut found = texts(&resolution.addresses);
        found.sort();
        assert_eq!(found, ["192.0.2.7", "2001:db8::7"]);
        assert!(resolution.source(SourceKind::Dns).is_some());
        // Nobody is asked for this name: it ends all the same.
        let (resolution, _) = resolved("localhost", Options::default(), &machine).await;
        assert!(resolution.addresses.is_empty());
    });
}

/// The same, asked by `nwcheck dns`.
async fn resolved_alone(host: &str, options: Options, machine: &Machine) -> Resolution {
    let recorder = recorder(host, options);
    recorder.update(|evidence| evidence.target.protocol = Protocol::Dns);
    resolve_in(recorder.clone(), machine.environment.clone()).await;
    while !recorder.read(|evidence| evidence.resolution.as_ref().unwrap().complete) {
        recorder.changed().await;
    }
    recorder.snapshot().resolution.unwrap()
}

#[test]
fn a_name_asked_for_alone_is_asked_over_tcp_too_and_a_random_one_beside_it() {
    run(async {
        let server = serve(Manner::Good).await;
        let machine = machine("", "", 53);
        let options = || asking(&[&server]);
        let resolution = resolved_alone("www.example.test", options(), &machine).await;
        assert_eq!(
            outcomes(&resolution)[&("A".to_owned(), Transport::Tcp)],
            Outcome::Ok
        );
        // This server answers everything: that is a wildcard.
        let [random] = resolution.random_names.as_slice() else {
            panic!("{:?}", resolution.random_names);
        };
        assert!(random.name.starts_with("nwcheck-") && random.name.ends_with(".example.test"));
        assert!(resolution.remarks().iter().any(|r| r.contains("wildcard")));
        // Another check asks for neither.
        let (resolution, _) = resolved("www.example.test", options(), &machine).await;
        assert!(resolution.random_names.is_empty());
        assert!(!outcomes(&resolution).contains_key(&("A".to_owned(), Transport::Tcp)));
    });
}

#[test]
fn the_servers_behind_the_stub_are_asked_each_and_decide_nothing() {
    run(async {
        let behind = serve(Manner::Nxdomain).await;
        let port = behind.endpoint.port.unwrap();
        // The stub itself listens on the address that systemd-resolved has.
        let stub = tokio::net::UdpSocket::bind(("127.0.0.53", port))
            .await
            .unwrap();
        let names = Rc::new(RefCell::new(Vec::new()));
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = stub.recv_from(&mut buffer).await {
                if let Some(bytes) = answer(Manner::Good, &buffer[..length], false, &names) {
                    stub.send_to(&bytes, from).await.unwrap();
                }
            }
        });
        let mut machine = machine("nameserver 127.0.0.53\n", "", port);
        machine.environment.system = system_with(&["192.0.2.7"]);
        std::fs::write(
            &machine.environment.upstream,
            "# of resolved\nnameserver 127.0.0.1\n",
        )
        .unwrap();
        let resolution = resolved_alone("db.example.test", Options::default(), &machine).await;
        assert!(
            resolution
                .servers
                .iter()
                .all(|a| a.address.address.to_string() == "127.0.0.53")
        );
        assert!(
            resolution
                .upstream
                .iter()
                .all(|a| a.outcome == Outcome::Nxdomain)
        );
        assert!(!resolution.upstream.is_empty());
        assert_eq!(texts(&resolution.addresses), ["192.0.2.7"]);
        assert!(
            resolution
                .remarks()
                .iter()
                .any(|r| r.contains("behind the stub") && r.contains("no such name"))
        );
        // Another check does not tell them the name.
        let before = behind.asked.borrow().len();
        let (resolution, _) = resolved("db.example.test", Options::default(), &machine).await;
        assert!(resolution.upstream.is_empty());
        assert_eq!(behind.asked.borrow().len(), before);
    });
}
