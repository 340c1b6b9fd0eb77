//! A name server whose every answer, silence and lie is the test's.
//!
//! It answers from its records: a name it has no record of is NXDOMAIN, a name without the type asked for is NODATA,
//! aliases are followed within its records. Before that come its manners: the first that fits a query decides.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{fd::AsFd as _, unix::net::UnixStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use hickory_resolver::proto::{
    op::{Message, MessageType, Metadata, Query, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME},
    },
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::net::Namespace;

const TTL: u32 = 60;
/// As many links of a chain of aliases as one answer carries.
const LONGEST_CHAIN: usize = 20;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In a datagram
    Udp,
    /// Over a connection
    Tcp,
}

/// What is done with a query instead of, or before, answering from the records.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// An empty answer with this code: `ResponseCode::ServFail`, `Refused`, `NXDomain` …
    Code(ResponseCode),
    /// SERVFAIL, but the records when checking is disabled: what a validating server says of a bogus name
    Bogus,
    /// Over UDP nothing but the truncation bit, over TCP the records
    Truncated,
    /// The records, so much later
    Late(Duration),
    /// Nothing
    Silent,
    /// Bytes that are no message
    Garbage,
    /// The records under another id
    WrongId,
    /// The records, for the name in other letters than were asked (RFC 4343)
    OtherCase,
    /// Nothing to a question with EDNS, the records to one without
    DropsEdns,
    /// The records over UDP, from another port of the same machine
    FromElsewhere,
}

/// A query that was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The name without its last dot, in lower case
    pub(crate) name: String,
    /// The type asked for
    pub(crate) kind: RecordType,
    /// How it came
    pub(crate) transport: Transport,
    /// Checking was disabled
    pub(crate) checking_disabled: bool,
    /// Who asked
    pub(crate) from: SocketAddr,
}

/// Which queries: those that have all that is given.
#[derive(Clone, Default)]
struct Which {
    name: Option<Name>,
    kind: Option<RecordType>,
    over: Option<Transport>,
}

/// The records and manners of a server to be started.
#[derive(Clone, Default)]
pub(crate) struct Zone {
    records: Vec<(Name, RData)>,
    manners: Vec<(Which, Manner)>,
    wildcard: Option<IpAddr>,
}

impl Zone {
    /// Knows nothing: every name is NXDOMAIN.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// `name` has this address.
    #[track_caller]
    pub(crate) fn address(mut self, name: &str, address: IpAddr) -> Self {
        let data = match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        self.records.push((parse(name), data));
        self
    }

    /// Names without a record have this address: a wildcard of the root.
    pub(crate) fn every(mut self, address: IpAddr) -> Self {
        self.wildcard = Some(address);
        self
    }

    /// `name` is an alias of `target`; a chain may lead nowhere or back to itself.
    #[track_caller]
    pub(crate) fn alias(mut self, name: &str, target: &str) -> Self {
        let target = RData::CNAME(CNAME(parse(target)));
        self.records.push((parse(name), target));
        self
    }

    /// `name` exists and has no address: NODATA.
    #[track_caller]
    pub(crate) fn empty(mut self, name: &str) -> Self {
        let nothing = RData::TXT(hickory_resolver::proto::rr::rdata::TXT::new(vec![
            "no address".to_owned(),
        ]));
        self.records.push((parse(name), nothing));
        self
    }

    /// Every query is met so.
    pub(crate) fn always(mut self, manner: Manner) -> Self {
        self.manners.push((Which::default(), manner));
        self
    }

    /// Queries for this name, of every type, are met so.
    #[track_caller]
    pub(crate) fn name(mut self, name: &str, manner: Manner) -> Self {
        let name = Some(parse(name));
        let which = Which {
            name,
            ..Which::default()
        };
        self.manners.push((which, manner));
        self
    }

    /// Queries of this type, for every name, are met so.
    pub(crate) fn kind(mut self, kind: RecordType, manner: Manner) -> Self {
        let kind = Some(kind);
        let which = Which {
            kind,
            ..Which::default()
        };
        self.manners.push((which, manner));
        self
    }

    /// Queries that come over this transport are met so.
    pub(crate) fn over(mut self, transport: Transport, manner: Manner) -> Self {
        let over = Some(transport);
        let which = Which {
            over,
            ..Which::default()
        };
        self.manners.push((which, manner));
        self
    }

    fn manner(&self, query: &Query, transport: Transport) -> Option<&Manner> {
        self.manners
            .iter()
            .find(|(which, _)| {
                let Which { name, kind, over } = which;
                name.as_ref().is_none_or(|name| name == query.name())
                    && kind.is_none_or(|kind| kind == query.query_type())
                    && over.is_none_or(|over| over == transport)
            })
            .map(|(_, manner)| manner)
    }

    /// The answer section and code that the records give.
    fn look_up(&self, query: &Query) -> (ResponseCode, Vec<Record>) {
        let mut name = query.name().clone();
        let mut answers = Vec::new();
        let mut known = false;
        while answers.len() < LONGEST_CHAIN {
            let here = || self.records.iter().filter(|(owner, _)| *owner == name);
            known = here().next().is_some();
            let direct = here().filter(|(_, data)| data.record_type() == query.query_type());
            let before = answers.len();
            answers.extend(direct.map(|(name, data)| record(name, data)));
            if answers.len() > before {
                break;
            }
            let alias = here().find_map(|(_, data)| match data {
                RData::CNAME(target) => Some(target.0.clone()),
                _ => None,
            });
            let Some(target) = alias else { break };
            answers.push(record(&name, &RData::CNAME(CNAME(target.clone()))));
            name = target;
        }
        if let (false, Some(address)) = (known, self.wildcard) {
            let data = match address {
                IpAddr::V4(address) => RData::A(A(address)),
                IpAddr::V6(address) => RData::AAAA(AAAA(address)),
            };
            if data.record_type() == query.query_type() {
                answers.push(record(&name, &data));
            }
            return (ResponseCode::NoError, answers);
        }
        let code = if known {
            ResponseCode::NoError
        } else {
            ResponseCode::NXDomain
        };
        (code, answers)
    }
}

/// A name server that runs until it is dropped.
pub(crate) struct NameServer {
    address: IpAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: UnixStream,
}

impl NameServer {
    /// Starts one on `address`, port 53, UDP and TCP.
    #[track_caller]
    pub(crate) fn start(host: &Namespace, address: IpAddr, zone: Zone) -> Self {
        let (datagrams, connections, elsewhere) = host
            .run(|| {
                let datagrams = UdpSocket::bind((address, 53))?;
                let connections = TcpListener::bind((address, 53))?;
                let elsewhere = UdpSocket::bind((address, 0))?;
                io::Result::Ok((datagrams, connections, elsewhere))
            })
            .unwrap_or_else(|error| panic!("{}: {address}:53: {error}", host.name()));
        let (stop, stopped) = UnixStream::pair().expect("a pair of sockets");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Server {
            zone: Arc::new(zone),
            seen: Arc::clone(&seen),
            elsewhere: Arc::new(elsewhere),
        };
        thread::spawn(move || server.run(&datagrams, &connections, &stopped));
        Self {
            address,
            seen,
            _stop: stop,
        }
    }

    /// Its address.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// The queries it was asked, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[derive(Clone)]
struct Server {
    zone: Arc<Zone>,
    seen: Arc<Mutex<Vec<Seen>>>,
    elsewhere: Arc<UdpSocket>,
}

impl Server {
    /// By which socket datagrams are answered.
    fn way_back<'a>(&'a self, usual: &'a UdpSocket) -> &'a UdpSocket {
        let mut manners = self.zone.manners.iter();
        if manners.any(|(_, manner)| matches!(manner, Manner::FromElsewhere)) {
            &self.elsewhere
        } else {
            usual
        }
    }

    fn run(self, datagrams: &UdpSocket, connections: &TcpListener, stopped: &UnixStream) {
        let mut buffer = vec![0; 65536];
        loop {
            let mut sources = [stopped.as_fd(), datagrams.as_fd(), connections.as_fd()]
                .map(|source| PollFd::new(source, PollFlags::POLLIN));
            if poll(&mut sources, PollTimeout::NONE).is_err() {
                continue;
            }
            let [stopped, datagram, connection] = sources.map(|source| source.any() == Some(true));
            if stopped {
                return;
            }
            if datagram && let Ok((length, peer)) = datagrams.recv_from(&mut buffer) {
                let (server, query) = (self.clone(), buffer[..length].to_vec());
                let Ok(socket) = datagrams.try_clone() else {
                    continue;
                };
                thread::spawn(move || {
                    if let Some(answer) = server.answer(&query, Transport::Udp, peer) {
                        let _ = server.way_back(&socket).send_to(&answer, peer);
                    }
                });
            }
            if connection && let Ok((stream, peer)) = connections.accept() {
                let server = self.clone();
                thread::spawn(move || server.converse(stream, peer));
            }
        }
    }

    fn converse(&self, mut stream: TcpStream, peer: SocketAddr) -> Option<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            let mut query = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut query).ok()?;
            let Some(answer) = self.answer(&query, Transport::Tcp, peer) else {
                continue;
            };
            let length = u16::try_from(answer.len()).ok()?;
            let framed = [&length.to_be_bytes(), answer.as_slice()].concat();
            stream.write_all(&framed).ok()?;
        }
    }

    /// The bytes to send back, if any; takes as long as the manner says.
    fn answer(&self, bytes: &[u8], transport: Transport, from: SocketAddr) -> Option<Vec<u8>> {
        let request = Message::from_vec(bytes).ok()?;
        let query = request.queries.first()?.clone();
        let checking_disabled = request.metadata.checking_disabled;
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Seen {
                name: query
                    .name()
                    .to_lowercase()
                    .to_ascii()
                    .trim_end_matches('.')
                    .to_owned(),
                kind: query.query_type(),
                transport,
                checking_disabled,
                from,
            });

        let mut response = Message::new(
            request.metadata.id,
            MessageType::Response,
            request.metadata.op_code,
        );
        response.metadata = Metadata::response_from_request(&request.metadata);
        response.metadata.recursion_available = true;
        let (code, answers) = self.zone.look_up(&query);
        response.add_query(query.clone());
        response.metadata.response_code = code;
        response.answers = answers;
        if let Some(edns) = &request.edns {
            response.edns = Some(edns.clone());
        }
        match self.zone.manner(&query, transport) {
            Some(Manner::DropsEdns) if request.edns.is_some() => return None,
            None | Some(Manner::DropsEdns | Manner::FromElsewhere) => {}
            Some(Manner::Code(code)) => empty(&mut response, *code),
            Some(Manner::Bogus) if checking_disabled => {}
            Some(Manner::Bogus) => empty(&mut response, ResponseCode::ServFail),
            Some(Manner::Truncated) if transport == Transport::Tcp => {}
            Some(Manner::Truncated) => {
                empty(&mut response, ResponseCode::NoError);
                response.metadata.truncation = true;
            }
            Some(Manner::Late(time)) => thread::sleep(*time),
            Some(Manner::Silent) => return None,
            Some(Manner::Garbage) => return Some(vec![0xff; 7]),
            Some(Manner::OtherCase) => {
                let other = |name: &Name| parse(&name.to_ascii().to_uppercase());
                for query in &mut response.queries {
                    let name = other(query.name());
                    query.set_name(name);
                }
                for record in &mut response.answers {
                    record.name = other(&record.name);
                }
            }
            Some(Manner::WrongId) => response.metadata.id ^= 0x5555,
        }
        response.to_vec().ok()
    }
}

fn empty(response: &mut Message, code: ResponseCode) {
    response.metadata.response_code = code;
    response.answers.clear();
}

fn record(name: &Name, data: &RData) -> Record {
    Record::from_rdata(name.clone(), TTL, data.clone())
}

#[track_caller]
fn parse(name: &str) -> Name {
    let mut parsed =
        Name::from_ascii(name).unwrap_or_else(|error| panic!("not a name: {name}: {error}"));
    parsed.set_fqdn(true);
    parsed
}
