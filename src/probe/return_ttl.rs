//! With which TTL does the answer to a SYN come back? Searched without privilege.
//!
//! A socket can be told to ignore segments below a TTL (`IP_MINTTL`, Linux `net/ipv4/tcp_ipv4.c` `tcp_v4_rcv`; `IPV6_MINHOPCOUNT`): the
//! greatest limit that still lets the answer in is the TTL with which it came. The limit holds for ICMP errors by the TTL that they
//! quote, so that no TTL is set on what is sent, and only answers that are known to be resets or SYN-ACKs are searched for.
//!
//! An answer that is late or lost reads as one that was ignored. So what was found is tried again on other flows, and counts only where
//! all of them agree; equal paths back of different lengths are told by that, too.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Recorder;
use super::flow::flow;
use crate::model::{Endpoint, Ms, Observation, Operation, Options, Outcome};
use crate::net::flow::SourcePort;
use crate::net::tcp::{self, Close, Connect};

/// So many further flows have to agree.
const AGREE: u32 = 3;
/// Time from one attempt to the next.
const INTERVAL: Duration = Duration::from_millis(20);
/// How long an attempt is waited for, at least and at most: the kernel sends a SYN again after a second.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(150), Duration::from_millis(900));
/// A TTL is less than this.
const END: u16 = 256;

/// Searches the TTL of the answers of `port`, and where `control` names a port that is open, of its answers; records each.
///
/// Without privilege, on Linux. Nothing is sent but SYNs, and a reset where a connection opens.
pub async fn search(
    recorder: Recorder,
    options: Rc<Options>,
    port: Endpoint,
    control: Option<Endpoint>,
) {
    let rtt = recorder.read(|evidence| {
        let ends = evidence.observations.iter().filter(|o| {
            let of_port = o.endpoint.as_ref() == Some(&port);
            of_port && o.operation == Operation::Connect && o.outcome == Outcome::Refused
        });
        ends.filter_map(|o| o.rtt_ms).max()
    });
    let window = rtt.map_or(PATIENCE.0, |rtt| Ms::to_duration(rtt) * 3);
    if window > PATIENCE.1 * 2 {
        return;
    }
    let window = window.clamp(PATIENCE.0, PATIENCE.1);
    let mut hint = None;
    for (endpoint, is_control) in [(Some(port), false), (control, true)] {
        let Some(endpoint) = endpoint else { return };
        let began = recorder.now();
        let wanted = if is_control {
            Outcome::Ok
        } else {
            Outcome::Refused
        };
        let mut asking = Asking {
            recorder: &recorder,
            options: &options,
            endpoint: &endpoint,
            wanted,
            window,
        };
        let found = asking.find(hint).await;
        recorder.record(Observation {
            endpoint: Some(endpoint.clone()),
            reply_ttl: found,
            elapsed_ms: Some(recorder.now() - began),
            control: is_control,
            ..Observation::new(Operation::ReturnTtl, began, wanted)
        });
        if found.is_none() {
            return;
        }
        hint = found;
    }
}

struct Asking<'a> {
    recorder: &'a Recorder,
    options: &'a Options,
    endpoint: &'a Endpoint,
    wanted: Outcome,
    window: Duration,
}

impl Asking<'_> {
    /// The TTL that all flows agree on.
    async fn find(&mut self, hint: Option<u8>) -> Option<u8> {
        let mut bounds = Bounds::new(hint);
        while let Some(limit) = bounds.next() {
            let passes = self.passes(limit).await?;
            bounds.take(limit, passes);
        }
        let found = bounds.found()?;
        for _ in 0..AGREE {
            let above = found.checked_add(1);
            if !self.passes(found).await? {
                return None;
            }
            if let Some(above) = above
                && self.passes(above).await?
            {
                return None;
            }
        }
        Some(found)
    }

    /// Whether the answer gets past this limit. None where something else came of it, or no time is left.
    async fn passes(&mut self, limit: u8) -> Option<bool> {
        let began = Instant::now();
        let end = began + self.window;
        if end > self.recorder.deadline() {
            return None;
        }
        let mut connect = Connect::on(flow(self.options, self.endpoint));
        connect.flow.source_port = SourcePort::AtBind;
        connect.flow.min_ttl = Some(limit);
        let passes = match tcp::start(&connect) {
            Ok(pending) => match pending.wait(end).await.result {
                tcp::Outcome::Opened(stream) => {
                    stream.close(Close::Fin);
                    (self.wanted == Outcome::Ok).then_some(true)
                }
                tcp::Outcome::Failed(failure) => {
                    let refused = self.wanted == Outcome::Refused && is_reset(&failure);
                    refused.then_some(true)
                }
                tcp::Outcome::Silent(_) => Some(false),
            },
            // A reset by the loopback comes back within the call.
            Err(failure) if self.wanted == Outcome::Refused && is_reset(&failure) => Some(true),
            Err(_) => None,
        };
        tokio::time::sleep_until((began + INTERVAL).into()).await;
        passes
    }
}

/// A refusal that no ICMP error came with.
fn is_reset(failure: &tcp::Failure) -> bool {
    failure.queue.is_empty() && failure.errno == crate::net::errno::Errno::ECONNREFUSED
}

/// Between which limits the TTL lies.
struct Bounds {
    /// A limit that is known to be passed; nothing has a TTL below 1.
    passed: u16,
    /// A limit that is known not to be.
    ignored: u16,
    /// Where another answer's TTL was: this one's is likely to be the same.
    hint: Option<u16>,
}

impl Bounds {
    fn new(hint: Option<u8>) -> Self {
        Self {
            passed: 1,
            ignored: END,
            hint: hint.map(u16::from),
        }
    }

    /// The limit to try next; none when the TTL is found.
    fn next(&self) -> Option<u8> {
        if self.passed + 1 >= self.ignored {
            return None;
        }
        let open = self.passed + 1..self.ignored;
        let near = self.hint.map(|ttl| [ttl, ttl + 1]);
        let guess = near
            .into_iter()
            .flatten()
            .find(|limit| open.contains(limit));
        let limit = guess.unwrap_or(u16::midpoint(self.passed, self.ignored));
        u8::try_from(limit).ok()
    }

    /// What came of a limit.
    fn take(&mut self, limit: u8, passes: bool) {
        let limit = u16::from(limit);
        if passes {
            self.passed = self.passed.max(limit);
        } else {
            self.ignored = self.ignored.min(limit);
        }
    }

    fn found(&self) -> Option<u8> {
        u8::try_from(self.passed).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(ttl: u8, hint: Option<u8>) -> (Option<u8>, u32) {
        let mut bounds = Bounds::new(hint);
        let mut steps = 0;
        while let Some(limit) = bounds.next() {
            bounds.take(limit, ttl >= limit);
            steps += 1;
            assert!(steps < 20, "{ttl} {hint:?}");
        }
        (bounds.found(), steps)
    }

    #[test]
    fn every_ttl_is_found_whatever_the_hint() {
        for ttl in 1..=u8::MAX {
            for hint in [None, Some(1), Some(62), Some(255), Some(ttl)] {
                assert_eq!(search(ttl, hint).0, Some(ttl), "{ttl} {hint:?}");
            }
            assert!(search(ttl, None).1 <= 8);
            assert!(search(ttl, Some(ttl)).1 <= 2);
        }
    }
}
