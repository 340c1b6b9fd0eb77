//! Echo requests with a limited TTL, by one ping socket, else a raw one.
//!
//! A flow is what routers can take for one: identifier, type, code and checksum. The sequence number differs from probe to probe, and two
//! bytes of the payload make up for it, so that the checksum stays (Augustin et al., "Avoiding traceroute anomalies with Paris
//! traceroute", IMC 2006, section 3). All TTLs of a flow may be under way at once: the sequence number tells them apart.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::Spec;
use super::quoted::Sent;
use super::transport::{Ended, Heard, Underway, refused};
use crate::model::topology::TraceProtocol;
use crate::model::{Address, Observation, Options, Outcome};
use crate::net::echo::{Echo, Event};
use crate::net::errno::Errno;
use crate::probe::flow::{scope, socket_address};
use crate::probe::{Recorder, echo};
use crate::proto::trace::{FlowId, Probe, ProbeId};

/// So long one wait of the reader lasts.
const TURN: Duration = Duration::from_secs(60);
/// What follows the two bytes that keep the checksum.
pub(super) const MARK: &[u8] = b"nwcheck";

/// The socket, and the requests under way.
pub(super) struct Echoes {
    socket: Rc<Echo>,
    address: Address,
    seed: u64,
    asked: Rc<RefCell<HashMap<u16, Asked>>>,
    reader: JoinHandle<()>,
}

/// A request that was sent.
struct Asked {
    id: ProbeId,
    began: Instant,
    observation: Observation,
}

impl Drop for Echoes {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Echoes {
    pub(super) fn new(
        recorder: &Recorder,
        options: &Options,
        spec: &Spec,
        seed: u64,
        ended: UnboundedSender<Ended>,
    ) -> Result<Self, Errno> {
        let address = spec.endpoint.address.clone();
        let socket = Rc::new(echo::open_noted(recorder, options, &address)?);
        let asked = Rc::new(RefCell::new(HashMap::new()));
        let sent = Sent {
            protocol: TraceProtocol::Icmp,
            source_port: None,
            destination: socket_address(&spec.endpoint),
        };
        let reader = tokio::task::spawn_local(read(
            socket.clone(),
            address.clone(),
            asked.clone(),
            sent,
            ended,
        ));
        Ok(Self {
            socket,
            address,
            seed,
            asked,
            reader,
        })
    }

    pub(super) fn send(
        &mut self,
        probe: Probe,
        observation: Observation,
    ) -> Result<Underway, Box<Observation>> {
        // A trace has some thousand probes at most: no number comes again.
        let sequence = u16::try_from(probe.id.0 % 0xffff).unwrap_or(0) + 1;
        let balance = balance(sum_of(self.seed, probe.flow), sequence);
        let payload = [&balance.to_be_bytes()[..], MARK].concat();
        let sent = self.socket.send(
            self.address.ip(),
            scope(&self.address),
            sequence,
            &payload,
            Some(probe.ttl),
        );
        let began = match sent {
            Ok(began) => began,
            Err(errno) => return Err(refused(observation, errno)),
        };
        let asked = Asked {
            id: probe.id,
            began,
            observation: observation.clone(),
        };
        self.asked.borrow_mut().insert(sequence, asked);
        Ok(Underway {
            began,
            observation,
            task: None,
        })
    }
}

/// What sequence number and balance of a flow's requests add up to.
pub(super) fn sum_of(seed: u64, id: FlowId) -> u16 {
    let start = u16::try_from(seed & 0xffff).unwrap_or(0);
    // An odd step meets every sum once; 0 and 0xffff are one number to the checksum.
    start.wrapping_add(id.0.wrapping_mul(0x1a7)) % 0xffff
}

/// The two bytes that keep the checksum of all requests of a flow: in the arithmetic of RFC 1071, `sum - sequence`.
pub(super) fn balance(sum: u16, sequence: u16) -> u16 {
    let (difference, borrowed) = sum.overflowing_sub(sequence);
    difference.wrapping_sub(u16::from(borrowed))
}

/// Hears what comes back.
async fn read(
    socket: Rc<Echo>,
    address: Address,
    asked: Rc<RefCell<HashMap<u16, Asked>>>,
    sent: Sent,
    ended: UnboundedSender<Ended>,
) {
    loop {
        let (sequence, heard) = match socket.recv(Instant::now() + TURN).await {
            // By type, and by the sender that was asked: a reply of anybody else is none.
            Event::Reply(reply) if reply.from.to_canonical() == address.ip() => {
                let heard = Heard {
                    outcome: Outcome::Ok,
                    icmp: None,
                    ttl: reply.ttl,
                    at: reply.at,
                };
                (reply.sequence, heard)
            }
            Event::Error {
                sequence: Some(sequence),
                error,
            } => match Heard::error(&error, sent) {
                Some(heard) => (sequence, heard),
                None => continue,
            },
            Event::Failed(_) => {
                // An error of the socket that belongs to no request; it is not worth a busy loop.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            _ => continue,
        };
        let found = asked.borrow_mut().remove(&sequence);
        let Some(asked) = found else { continue };
        let end = heard.ends(asked.id, asked.began, asked.observation);
        if ended.send(end).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::balance;

    /// The sum of RFC 1071 over two words.
    fn sum(one: u16, other: u16) -> u16 {
        let (sum, carry) = one.overflowing_add(other);
        sum.wrapping_add(u16::from(carry))
    }

    proptest! {
        #[test]
        fn the_balance_keeps_the_sum(of_flow in 0_u16..0xffff, one in 1_u16.., other in 1_u16..) {
            let kept = |sequence| sum(balance(of_flow, sequence), sequence) % 0xffff;
            prop_assert_eq!(kept(one), kept(other));
            prop_assert_eq!(kept(one), of_flow);
        }
    }
}
