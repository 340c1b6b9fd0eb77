//! The tools that are measured, how each is asked, and how its answer is read.

use std::net::IpAddr;
use std::time::Duration;

use crate::ability::program;
use crate::net::Family;
use crate::outcome::Outcome;
use crate::run::{Run, reachable_binary};
use crate::services::Service;
use crate::sim::{Simulation, Truth};

/// The port that is asked for.
pub(crate) const PORT: u16 = 443;
/// No run takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A net that is up, with a service at its end.
pub(crate) struct Up {
    pub(crate) simulation: Simulation,
    pub(crate) _service: Service,
}

impl Up {
    pub(crate) fn server(&self) -> IpAddr {
        self.simulation.server_address(Family::V4)
    }
}

/// What a tool said of a path.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) truth: Truth,
    /// Distances and round trips.
    pub(crate) trips: Vec<(u8, Duration)>,
}

/// One tool in one manner.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    program: Program,
    arguments: &'static [&'static str],
}

enum Program {
    /// This one, as root or as an ordinary user.
    Own { root: bool },
    /// Another, which lists addresses by hop.
    List(&'static str),
}

/// This one first; the ratios are to its first line.
pub(crate) fn tools() -> Vec<Tool> {
    let own = |name, root, arguments| Tool {
        name,
        program: Program::Own { root },
        arguments,
    };
    let list = |name, program, arguments| Tool {
        name,
        program: Program::List(program),
        arguments,
    };
    vec![
        own("nwcheck, raw", true, &[]),
        own("nwcheck, no privilege", false, &[]),
        own("nwcheck --flows 1, raw", true, &["--flows", "1"]),
        own("nwcheck --flows 1, no privilege", false, &["--flows", "1"]),
        list("traceroute -T", "traceroute", &["-n", "-T", "-p", "443"]),
        list(
            "traceroute -T -q 1 -w 1 -N 32",
            "traceroute",
            &["-n", "-T", "-p", "443", "-q", "1", "-w", "1", "-N", "32"],
        ),
        list(
            "mtr -T -r -c 10",
            "mtr",
            &["-n", "-T", "-P", "443", "-r", "-w", "-c", "10"],
        ),
        list(
            "trip, 5 rounds",
            "trip",
            &[
                "--tcp",
                "-P",
                "443",
                "-m",
                "pretty",
                "-C",
                "5",
                "--dns-resolve-method",
                "system",
                "-z",
                "false",
            ],
        ),
        list(
            "scamper trace",
            "scamper",
            &["-O", "text", "-c", "trace -P tcp-ack -d 443", "-i"],
        ),
        list("tracepath", "tracepath", &["-n"]),
    ]
}

impl Tool {
    /// Why it can't be measured here; none where it can.
    pub(crate) fn lacks(&self) -> Option<String> {
        match self.program {
            Program::Own { .. } => None,
            Program::List(name) => program(name).err(),
        }
    }

    /// Runs it once.
    pub(crate) fn run(&self, net: &Up) -> Outcome {
        let client = net.simulation.client();
        let words = self.arguments.iter().copied();
        let run = match self.program {
            Program::Own { root } => {
                let target = format!("{}:{PORT}", net.server());
                let run = Run::program(client, reachable_binary(), ["trace", "-o", "json"])
                    .arguments(words)
                    .arguments([target]);
                if root { run.root() } else { run }
            }
            Program::List(name) => {
                // Where it leads by links in the machine's /etc, which it does not see there.
                let found = program(name).expect("it is there");
                let path = std::fs::canonicalize(found).expect("what it leads to");
                Run::program(client, path, words)
                    .arguments([net.server().to_string()])
                    .root()
            }
        };
        run.patience(PATIENCE).run()
    }

    /// Reads what it said.
    pub(crate) fn read(&self, outcome: &Outcome) -> Told {
        match self.program {
            Program::Own { .. } => own(outcome),
            Program::List(_) => list(&outcome.text()),
        }
    }
}

fn own(outcome: &Outcome) -> Told {
    let report: serde_json::Value = serde_json::from_slice(&outcome.stdout).unwrap_or_default();
    let mut told = Told {
        truth: Truth::told(&report),
        trips: Vec::new(),
    };
    for observation in report["observations"].as_array().into_iter().flatten() {
        let ttl = observation["ttl"]
            .as_u64()
            .and_then(|ttl| u8::try_from(ttl).ok());
        let expired = observation["outcome"] == "ttl_exceeded";
        if let (Some(ttl), Some(rtt), true) = (ttl, observation["rtt_ms"].as_f64(), expired) {
            told.trips
                .push((ttl, Duration::from_secs_f64(rtt / 1000.0)));
        }
    }
    told
}

/// Lines that begin with a hop's number and hold addresses, and round trips as numbers before `ms`.
fn list(text: &str) -> Told {
    let mut told = Told::default();
    let mut hops: Vec<(u8, Vec<IpAddr>)> = Vec::new();
    for line in text.lines() {
        let strange = |letter: char| !letter.is_ascii_hexdigit() && !".:".contains(letter);
        let words: Vec<&str> = line
            .split(|letter: char| {
                letter.is_whitespace() || strange(letter) && letter != 'm' && letter != 's'
            })
            .filter(|word| !word.is_empty())
            .collect();
        let Some(ttl) = words.first().and_then(|word| {
            let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
            (digits.len() < 4)
                .then(|| digits.parse::<u8>().ok())
                .flatten()
        }) else {
            continue;
        };
        let found = words.iter().skip(1).filter_map(|word| word.parse().ok());
        let mut addresses: Vec<IpAddr> = found.collect();
        addresses.dedup();
        for pair in words.windows(2) {
            if let (Ok(number), "ms") = (pair[0].parse::<f64>(), pair[1]) {
                told.trips
                    .push((ttl, Duration::from_secs_f64(number / 1000.0)));
            }
        }
        match hops.iter_mut().find(|(known, _)| *known == ttl) {
            Some((_, known)) => known.extend(addresses),
            None => hops.push((ttl, addresses)),
        }
    }
    for (ttl, addresses) in &hops {
        told.truth
            .nodes
            .extend(addresses.iter().map(|address| (*ttl, *address)));
        let before = hops.iter().filter(|(other, _)| other + 1 == *ttl);
        for near in before.flat_map(|(_, near)| near) {
            told.truth
                .links
                .extend(addresses.iter().map(|far| (*ttl, *near, *far)));
        }
    }
    told
}
