//! From a case file to evidence. `#` begins a comment.
//!
//! Unless a case says otherwise the target is `10.0.9.9:443`, and this machine a usual one: `10.0.1.2/24` on `eth0`, which is up,
//! with the gateway `10.0.1.254`, which answers ARP, for all else. Offsets grow from line to line, so that a line stands for what was
//! sent after the line before it.
//!
//! | line | meaning |
//! |---|---|
//! | `check icmp`, `check udp` | another kind of check than of a TCP port, of `10.0.9.9` or its port 53 |
//! | `target TEXT` | what was typed |
//! | `resolves ADDRESS…` | its addresses, as the system's resolver gives them |
//! | `burst N OUTCOME [KEY VALUE]…` | the probes asked for; `control` (connections), `echo`, `datagram` likewise |
//! | `trace TTL OUTCOME …`, `trace A..B via ADDRESS… [KEY VALUE]…` | TTL-limited ones; `control-trace` (SYNs) and `datagram-trace` likewise |
//! | `counters N OUTCOME`, `ingress`, `egress` | what the kernel's counters said around attempts |
//! | `mtu SIZE OUTCOME [KEY VALUE]…`, `mtu is VALUE [ROUTER]` | datagrams of a size, and what they came to |
//! | `return-ttl port N`, `return-ttl control N` | with which TTL answers came back; `unsettled` where flows did not agree |
//! | `same-port N OUTCOME`, `new-port` | attempts from source ports that had failed, and from new ones beside them |
//! | `look N OUTCOME` | moments on connections that had opened |
//! | `other-source N OUTCOME`, `usual-source` | attempts from another source of this machine's, and usual ones in turn with them |
//! | `pause MS` | a pause in which nothing was sent |
//! | `baseline HOP ROUTER` | an earlier report |
//! | `not-permitted` | this user may not send echo requests |
//! | `root` | it ran as root |
//! | `ended deadline` or `interrupted` | how the measuring ended |
//!
//! Keys: `from` (sender of the ICMP error), `rtt`, `after` (wall time), `again` (retransmissions), `errno`, `to` (address), `flow`
//! (source port), `x` (how often), `code` (of the error, where it is not the usual one), `names` (the MTU that an error names), `quoted-from` and `quoted-to` (the ends of the probe as an
//! error quotes them, where they were changed), `reply-ttl`. What this machine says and what DNS says: `local.rs`, `names.rs`.

mod answer;
mod local;
mod names;

use jiff::Timestamp;
use nwcheck::model::evidence::{ECHO_REQUESTS, Ended, NotMeasured, UnderTest};
use nwcheck::model::finding::Severity;
use nwcheck::model::options::{Expect, Family};
use nwcheck::model::resolution::{Resolution, SourceAnswer, SourceKind};
use nwcheck::model::source::{Privilege, Source};
use nwcheck::model::target::{Protocol, Target};
use nwcheck::model::topology::{Path, PathMtu};
use nwcheck::model::{
    Address, Endpoint, Evidence, Icmp, Ms, Observation, Operation, Options, Outcome,
};

use self::answer::What;
pub use self::answer::icmp;
use crate::expected::Expected;

/// A case file, read.
pub struct Scenario {
    /// What was measured.
    pub evidence: Evidence,
    /// What it must come to.
    pub expected: Expected,
}

/// Reads a case file.
pub fn read(text: &str) -> Result<Scenario, String> {
    let lines = || {
        text.lines().enumerate().filter_map(|(number, line)| {
            let line = line.split('#').next().unwrap_or_default().trim();
            (!line.is_empty()).then_some((number + 1, line))
        })
    };
    let find = |word| lines().find_map(|(_, line)| line.strip_prefix(word));
    let (protocol, usual) = match find("check ") {
        None => (Protocol::Tcp, "10.0.9.9:443"),
        Some("icmp") => (Protocol::Icmp, "10.0.9.9"),
        Some("udp") => (Protocol::Udp, "10.0.9.9:53"),
        Some(other) => return Err(format!("check {other}?")),
    };
    let mut reader = Reader::new(find("target ").unwrap_or(usual), protocol)?;
    for (number, line) in lines() {
        reader
            .line(line)
            .map_err(|wrong| format!("line {number}: `{line}`: {wrong}"))?;
    }
    Ok(reader.finish())
}

/// Evidence under construction.
pub struct Reader {
    evidence: Evidence,
    expected: Expected,
    now: u64,
    flow: u16,
    mtu: Option<PathMtu>,
}

type Read = Result<(), String>;

impl Reader {
    fn new(target: &str, protocol: Protocol) -> Result<Self, String> {
        let target = Target::parse(target, Some(protocol)).map_err(|wrong| format!("{wrong:?}"))?;
        let mut options = Options::default();
        nwcheck::probe::datagram::settle(&mut options, &target);
        let mut evidence = Evidence::new(Timestamp::UNIX_EPOCH, options, target, Source::default());
        local::usual(&mut evidence);
        if let Some(address) = evidence.target.address() {
            evidence.resolution = Some(Resolution {
                sources: vec![SourceAnswer {
                    source: SourceKind::Literal,
                    outcome: Outcome::Ok,
                    error: None,
                    ms: None,
                    addresses: vec![address.clone()],
                    observation: None,
                }],
                addresses: vec![address.clone()],
                complete: true,
                ..Resolution::default()
            });
            test(&mut evidence, address);
        }
        Ok(Self {
            evidence,
            expected: Expected::default(),
            now: 0,
            flow: 40_000,
            mtu: None,
        })
    }

    fn line(&mut self, line: &str) -> Read {
        if self.expected.take(line)? {
            return Ok(());
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        match word {
            "target" | "check" => Ok(()),
            "root" => {
                self.evidence.source.privileges.push(Privilege::Root);
                Ok(())
            }
            "option" => self.option(&words),
            "burst" => self.series(self.evidence.probe(), false, &words),
            "control" => self.series(Operation::Connect, true, &words),
            "echo" => self.series(Operation::Echo, true, &words),
            "datagram" => self.series(Operation::Datagram, true, &words),
            "counters" => self.series(Operation::Counters, false, &words),
            "ingress" => self.series(Operation::Ingress, false, &words),
            "egress" => self.series(Operation::Egress, false, &words),
            "trace" => {
                let protocol = self.evidence.path_protocol();
                self.walk(protocol.operation(), false, &words)
            }
            "not-permitted" => {
                self.evidence.note(NotMeasured {
                    what: ECHO_REQUESTS.to_owned(),
                    why: "this user may not".to_owned(),
                    command: None,
                });
                Ok(())
            }
            "control-trace" => self.walk(Operation::TraceTcp, true, &words),
            "datagram-trace" => self.walk(Operation::TraceUdp, true, &words),
            "mtu" => self.mtu(&words),
            "same-port" => self.series(Operation::SamePort, false, &words),
            "look" => self.series(Operation::Read, false, &words),
            "new-port" => self.series(Operation::SamePort, true, &words),
            "other-source" => self.series(Operation::OtherSource, false, &words),
            "usual-source" => self.series(Operation::OtherSource, true, &words),
            "return-ttl" => self.return_ttl(&words),
            "pause" => {
                let began = self.now;
                self.now += number::<u64>(rest)?;
                let what = What::read(Outcome::Ok, &[])?;
                let endpoint = self.endpoint(Operation::Connect, false, &what)?;
                self.evidence.record(Observation {
                    endpoint: Some(endpoint),
                    elapsed_ms: Some(Ms::from_millis(number(rest)?)),
                    control: true,
                    ..Observation::new(Operation::Pause, Ms::from_millis(began), Outcome::Ok)
                });
                Ok(())
            }
            "baseline" => self.baseline(&words),
            "ended" => {
                self.evidence.ended = from_word::<Ended>(rest)?;
                Ok(())
            }
            _ => {
                if names::take(&mut self.evidence, word, &words)?
                    || local::take(&mut self.evidence, word, rest, &words)?
                {
                    Ok(())
                } else {
                    Err("what is that?".to_owned())
                }
            }
        }
    }

    fn option(&mut self, words: &[&str]) -> Read {
        let options = &mut self.evidence.options;
        let ms = |text: &str| Ok::<_, String>(Some(Ms::from_millis(number(text)?)));
        match words {
            ["no-path"] => options.path = false,
            ["no-local"] => {
                options.local = false;
                self.evidence.local = nwcheck::model::local::Local::default();
            }
            ["count", n] => options.count = number(n)?,
            ["expect", word] => options.expect = Some(from_word::<Expect>(word)?),
            ["fail-on", word] => options.fail_on = from_word::<Severity>(word)?,
            ["family", word] => options.family = from_word::<Family>(word)?,
            ["max-loss", n] => options.max_loss_percent = Some(number(n)?),
            ["max-avg", n] => options.max_avg_ms = ms(n)?,
            ["max-p95", n] => options.max_p95_ms = ms(n)?,
            ["max-connect", n] => options.max_connect_ms = ms(n)?,
            ["control", n] => options.control = Some(number(n)?),
            ["source", a] => options.source = Some(address(a)?),
            ["source-port", n] => options.source_port = Some(number(n)?),
            ["server", a] => options.servers.push(endpoint(a)?),
            _ => return Err("no such option".to_owned()),
        }
        Ok(())
    }

    /// `10 refused rtt 4`
    fn series(&mut self, operation: Operation, control: bool, words: &[&str]) -> Read {
        let [count, outcome, rest @ ..] = words else {
            return Err("how many, and what came of them?".to_owned());
        };
        let what = What::read(from_word(outcome)?, rest)?;
        for _ in 0..number::<u32>(count)? {
            self.now += 20;
            if control {
                self.flow += 1;
            } else {
                self.flow += 3;
            }
            let endpoint = self.endpoint(operation, control, &what)?;
            let observation = what.observation(operation, endpoint, control, self.now, self.flow);
            self.evidence.record(observation);
        }
        Ok(())
    }

    /// `4 timeout x 2`, `1..3 via 10.0.1.254 10.0.2.1 10.0.3.1`
    fn walk(&mut self, operation: Operation, control: bool, words: &[&str]) -> Read {
        let [distances, outcome, rest @ ..] = words else {
            return Err("at which distance, and what came of it?".to_owned());
        };
        let (first, last) = distances.split_once("..").unwrap_or((distances, distances));
        let distances = number::<u8>(first)?..=number::<u8>(last)?;
        let flow = if control { 50_000 } else { 33_434 };
        if *outcome == "via" {
            if distances.len() > rest.len() {
                return Err("as many routers as distances".to_owned());
            }
            let (routers, keys) = rest.split_at(distances.len());
            for (ttl, router) in distances.zip(routers) {
                let words = [&["from", router], keys].concat();
                let what = What::read(Outcome::TtlExceeded, &words)?;
                self.limited(operation, control, &what, ttl, flow)?;
            }
            return Ok(());
        }
        let what = What::read(from_word(outcome)?, rest)?;
        for ttl in distances {
            for _ in 0..what.times {
                self.limited(operation, control, &what, ttl, flow)?;
            }
        }
        Ok(())
    }

    fn limited(
        &mut self,
        operation: Operation,
        control: bool,
        what: &What,
        ttl: u8,
        flow: u16,
    ) -> Read {
        self.now += 5;
        let endpoint = self.endpoint(operation, control, what)?;
        let flow = what.flow.unwrap_or(flow);
        let mut observation = what.observation(operation, endpoint, control, self.now, flow);
        observation.ttl = Some(ttl);
        self.evidence.record(observation);
        Ok(())
    }

    fn mtu(&mut self, words: &[&str]) -> Read {
        match words {
            ["is", value, router @ ..] => {
                let from = router.first().map(|word| address(word)).transpose()?;
                self.mtu = Some(PathMtu {
                    value: number(value)?,
                    from,
                    until: None,
                });
            }
            [size, outcome, keys @ ..] => {
                let what = What::read(from_word(outcome)?, keys)?;
                let endpoint = self.endpoint(Operation::Datagram, true, &what)?;
                self.now += 5;
                let mut observation =
                    what.observation(Operation::Mtu, endpoint, true, self.now, 50_100);
                observation.size = Some(number(size)?);
                self.evidence.record(observation);
            }
            [] | [_] => return Err("mtu SIZE OUTCOME".to_owned()),
        }
        Ok(())
    }

    /// `control 62`
    fn return_ttl(&mut self, words: &[&str]) -> Read {
        let (control, ttl) = match words {
            ["port", ttl] => (false, ttl),
            ["control", ttl] => (true, ttl),
            _ => return Err("return-ttl port|control TTL".to_owned()),
        };
        let what = What::read(
            if control {
                Outcome::Ok
            } else {
                Outcome::Refused
            },
            &[],
        )?;
        self.now += 200;
        let endpoint = self.endpoint(Operation::Connect, control, &what)?;
        let reply_ttl = match *ttl {
            "unsettled" => None,
            ttl => Some(number(ttl)?),
        };
        self.evidence.record(Observation {
            endpoint: Some(endpoint),
            reply_ttl,
            control,
            ..Observation::new(
                Operation::ReturnTtl,
                Ms::from_millis(self.now),
                what.outcome,
            )
        });
        Ok(())
    }

    fn baseline(&mut self, words: &[&str]) -> Read {
        let [hop, router] = words else {
            return Err("baseline HOP ROUTER".to_owned());
        };
        let what = What::read(Outcome::Ok, &[])?;
        let observation = Observation {
            endpoint: Some(self.endpoint(Operation::Connect, false, &what)?),
            ttl: Some(number(hop)?),
            icmp: Some(Icmp {
                kind: 11,
                code: 0,
                from: Some(address(router)?),
                mtu: None,
                quote: None,
            }),
            ..Observation::new(Operation::Baseline, Ms::ZERO, Outcome::Ok)
        };
        self.evidence.record(observation);
        Ok(())
    }

    /// To whom a probe went.
    fn endpoint(
        &self,
        operation: Operation,
        control: bool,
        what: &What,
    ) -> Result<Endpoint, String> {
        let first = self
            .evidence
            .endpoints
            .first()
            .map(|subject| subject.endpoint.address.clone());
        let address = what.to.clone().or(first).ok_or("to which address?")?;
        let asked = self.evidence.target.port;
        let port = match operation {
            Operation::Connect | Operation::TraceTcp if control => {
                let endpoint = Endpoint {
                    address: address.clone(),
                    port: asked,
                };
                self.evidence.control_of(&endpoint).port
            }
            Operation::Echo => None,
            Operation::Datagram if control => Some(33_440),
            _ => asked,
        };
        Ok(Endpoint { address, port })
    }

    fn finish(mut self) -> Scenario {
        let evidence = &mut self.evidence;
        let protocol = evidence.path_protocol();
        for subject in evidence
            .endpoints
            .iter_mut()
            .filter(|_| evidence.options.path)
        {
            let endpoint = subject.endpoint.clone();
            let seen = &evidence.observations;
            let path = Path::draw(protocol, &endpoint, seen, &evidence.names, true);
            subject.path = (!path.hops.is_empty()).then_some(Path {
                mtu: self.mtu.clone(),
                ..path
            });
        }
        self.evidence.duration_ms = Ms::from_millis(self.now + 4000);
        Scenario {
            evidence: self.evidence,
            expected: self.expected,
        }
    }
}

/// Puts an address to the test.
pub fn test(evidence: &mut Evidence, address: Address) {
    let port = evidence.target.port;
    local::default_route(evidence, &address);
    evidence.endpoints.push(UnderTest {
        endpoint: Endpoint { address, port },
        path: None,
    });
}

/// A value of a closed vocabulary, as the report writes it.
pub fn from_word<T: serde::de::DeserializeOwned>(word: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|wrong| wrong.to_string())
}

/// A number.
pub fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("`{word}` is no number, or not such a one"))
}

/// An address.
pub fn address(word: &str) -> Result<Address, String> {
    word.parse().map_err(|_| format!("`{word}` is no address"))
}

/// An address with its port.
pub fn endpoint(word: &str) -> Result<Endpoint, String> {
    word.parse().map_err(|_| format!("`{word}` is no endpoint"))
}
