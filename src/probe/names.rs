//! Reverse names of the hops, looked up beside the trace and never delaying it: the configured name servers are asked, nobody else.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, Query};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::Recorder;
use super::flow::socket_address;
use super::resolve::Environment;
use crate::model::{Address, Endpoint};

/// How long one name is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer that is read.
const LARGEST: usize = 1232;
/// The longest name that is kept.
const LONGEST: usize = 253;

/// At most so many names are looked up for one path.
const MOST: usize = 64;

/// Follows a trace and looks up the name of every address that answers, until it is dropped or all that can come has come.
pub async fn follow(recorder: Recorder, endpoint: Endpoint) {
    let named = recorder.read(|evidence| evidence.options.servers.first().cloned());
    let configured = || {
        Environment::of_this_machine()
            .config()
            .servers
            .into_iter()
            .next()
    };
    let Some(server) = named.or_else(configured) else {
        return;
    };
    let server = socket_address(&Endpoint {
        port: server.port.or(Some(53)),
        ..server
    });
    let mut asked: BTreeSet<Address> = BTreeSet::new();
    let mut running = JoinSet::new();
    loop {
        let (answered, finished) = recorder.read(|evidence| {
            let answered: Vec<Address> = evidence
                .of(evidence.path_protocol().operation(), &endpoint)
                .filter_map(|o| o.icmp_from().cloned())
                .chain(std::iter::once(endpoint.address.clone()))
                .collect();
            let finished = evidence
                .endpoints
                .iter()
                .any(|s| s.endpoint == endpoint && s.path.is_some());
            (answered, finished)
        });
        for address in answered {
            if asked.len() < MOST && asked.insert(address.clone()) {
                let recorder = recorder.clone();
                running.spawn_local(async move {
                    if let Some(name) = reverse(server, &address).await {
                        recorder.update(|evidence| evidence.names.insert(address, name));
                    }
                });
            }
        }
        if finished && running.is_empty() {
            return;
        }
        tokio::select! {
            Some(_) = running.join_next() => {}
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
        }
    }
}

/// The name of an address, as the server has it; none where it has none or does not answer in time.
async fn reverse(server: SocketAddr, address: &Address) -> Option<String> {
    let question = Name::from(address.ip());
    let mut query = Message::query();
    let id = query.metadata.id;
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(question.clone(), RecordType::PTR));
    let any: SocketAddr = if server.is_ipv6() {
        "[::]:0".parse().ok()?
    } else {
        "0.0.0.0:0".parse().ok()?
    };
    let socket = UdpSocket::bind(any).await.ok()?;
    // Connected: only what comes from the server itself is taken.
    socket.connect(server).await.ok()?;
    socket.send(&query.to_vec().ok()?).await.ok()?;
    let answer = async {
        let mut bytes = [0; LARGEST];
        loop {
            let length = socket.recv(&mut bytes).await.ok()?;
            let Some(message) = bytes
                .get(..length)
                .and_then(|bytes| Message::from_vec(bytes).ok())
            else {
                continue;
            };
            let asked = message
                .queries
                .first()
                .is_some_and(|q| q.name.eq_ignore_root(&question));
            if message.metadata.id == id
                && message.metadata.message_type == MessageType::Response
                && asked
            {
                return message
                    .answers
                    .iter()
                    .find_map(|record| match &record.data {
                        RData::PTR(name) => Some(
                            name.0
                                .to_ascii()
                                .trim_end_matches('.')
                                .chars()
                                .take(LONGEST)
                                .collect(),
                        ),
                        _ => None,
                    });
            }
        }
    };
    let name: String = tokio::time::timeout(PATIENCE, answer).await.ok()??;
    (!name.is_empty()).then_some(name)
}
