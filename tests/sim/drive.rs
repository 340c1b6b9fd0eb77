//! Runs a tracer over a simulated network in virtual time, and holds what it says against the truth.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;

use nwcheck::proto::trace::{
    Answer, AnswerKind, Config, End, Graph, Micros, NodeId, ProbeId, Role, Tracer,
};

use crate::network::{Network, mix};

/// What a run came to.
pub(crate) struct Run {
    pub(crate) graph: Graph,
    pub(crate) end: End,
    pub(crate) took: Micros,
    pub(crate) probes: u32,
    /// The greatest number of probes of one flow that were unanswered at once, as proposed.
    pub(crate) at_once: u16,
}

/// What the network does to answers besides carrying them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mischief {
    /// Every answer comes twice.
    pub(crate) duplicates: bool,
    /// One answer in so many comes two seconds late.
    pub(crate) late_one_in: Option<u64>,
    /// Answers are made up for probes that were never sent.
    pub(crate) forged: bool,
    /// The round trip to the destination is known from elsewhere, as from a check's own connections.
    pub(crate) round_trip: Option<Micros>,
}

/// Longer than any trace may take, in virtual time.
const PATIENCE: Micros = Micros::from_millis(600_000);

pub(crate) fn run(network: &mut Network, config: Config) -> Run {
    run_with(network, config, 1, Mischief::default())
}

pub(crate) fn run_with(
    network: &mut Network,
    config: Config,
    seed: u64,
    mischief: Mischief,
) -> Run {
    run_asking(network, config, seed, mischief, None)
}

/// The same, where from an instant on the outcomes of so many flows are wanted.
pub(crate) fn run_asking(
    network: &mut Network,
    config: Config,
    seed: u64,
    mischief: Mischief,
    mut outcomes: Option<(Micros, u16)>,
) -> Run {
    let mut now = Micros(0);
    let mut tracer = Tracer::new(config, seed, now);
    if let Some(rtt) = mischief.round_trip {
        tracer.handle_round_trip(rtt, now);
    }
    let mut coming: BinaryHeap<Reverse<(Micros, u64)>> = BinaryHeap::new();
    let mut answers: BTreeMap<u64, (ProbeId, Answer)> = BTreeMap::new();
    let mut flows: BTreeMap<ProbeId, (u16, Micros)> = BTreeMap::new();
    let mut probes = 0;
    let mut serial = 0;
    let mut at_once = 0;
    let end = loop {
        if let Some((_, flows)) = outcomes.filter(|(at, _)| *at <= now) {
            tracer.handle_outcomes_wanted(flows, now);
            outcomes = None;
        }
        while let Some(probe) = tracer.poll_transmit(now) {
            probes += 1;
            tracer.handle_sent(probe.id, now);
            flows.insert(probe.id, (probe.flow.0, now));
            let same = flows
                .values()
                .filter(|(flow, _)| *flow == probe.flow.0)
                .count();
            at_once = at_once.max(u16::try_from(same).unwrap());
            if mischief.forged {
                let from = IpAddr::from([203, 0, 113, 9]);
                let answer = Answer {
                    from,
                    kind: AnswerKind::Arrived,
                    rtt: Micros(1),
                };
                tracer.handle_answer(ProbeId(probe.id.0 + 1000), now, answer);
                tracer.handle_answer(ProbeId(u64::MAX - probe.id.0), now, answer);
            }
            let sent = network.send(probe.flow.0, probe.ttl, now);
            let Some((mut at, answer)) = sent else {
                continue;
            };
            if mischief
                .late_one_in
                .is_some_and(|every| mix(serial).is_multiple_of(every))
            {
                at = at.plus(Micros::from_millis(2000));
            }
            for _ in 0..=u8::from(mischief.duplicates) {
                coming.push(Reverse((at, serial)));
                answers.insert(serial, (probe.id, answer));
                serial += 1;
            }
        }
        if let Some(end) = tracer.is_done() {
            let Some((at, _)) = outcomes else { break end };
            now = now.max(at);
            continue;
        }
        let wake = tracer
            .poll_timeout()
            .expect("a trace that goes on knows when to look again");
        let answer = coming.peek().map(|Reverse((at, _))| *at);
        if let Some(at) = answer.filter(|at| *at <= wake) {
            now = now.max(at);
            // Whatever has come by now is handed in before anything is sent, as a driver that empties its queue does.
            while let Some(Reverse((at, serial))) = coming.peek().copied() {
                if at > now {
                    break;
                }
                coming.pop();
                let (id, answer) = answers[&serial];
                flows.remove(&id);
                tracer.handle_answer(id, now, answer);
            }
        } else {
            now = now.max(wake);
            tracer.handle_timeout(now);
        }
        flows.retain(|_, (_, sent)| now.minus(*sent) < Micros::from_millis(200));
        assert!(
            now < PATIENCE,
            "it does not end: {:?}",
            tracer.graph().counters
        );
    };
    Run {
        graph: tracer.graph(),
        end,
        took: now,
        probes,
        at_once,
    }
}

impl Run {
    pub(crate) fn nodes(&self) -> BTreeSet<(u8, IpAddr)> {
        let hops = self.graph.hops.iter();
        hops.flat_map(|hop| hop.nodes.iter().map(move |node| (hop.ttl, node)))
            .filter(|(_, node)| node.role == Role::Router)
            .filter_map(|(ttl, node)| Some((ttl, node.address?)))
            .collect()
    }

    /// Links whose both ends answered.
    pub(crate) fn links(&self) -> BTreeSet<(u8, IpAddr, IpAddr)> {
        let address = |id: NodeId| self.graph.node(id).and_then(|node| node.address);
        let links = self.graph.links.iter();
        links
            .filter_map(|link| Some((link.ttl, address(link.from)?, address(link.to)?)))
            .collect()
    }

    /// Nothing is reported that is not there.
    pub(crate) fn assert_true_to(&self, network: &Network) {
        let false_nodes: Vec<_> = self.nodes().difference(&network.nodes()).copied().collect();
        assert!(
            false_nodes.is_empty(),
            "nodes that are not there: {false_nodes:?}"
        );
        let false_links: Vec<_> = self.links().difference(&network.links()).copied().collect();
        assert!(
            false_links.is_empty(),
            "links that are not there: {false_links:?}"
        );
    }

    /// Everything that answers is there, and the links between; links to the destination need not be, as arrivals are bounded.
    pub(crate) fn is_whole(&self, network: &Network) -> bool {
        let (nodes, links) = (network.nodes(), self.links());
        let inner = |link: &&(u8, IpAddr, IpAddr)| {
            nodes.contains(&(link.0 - 1, link.1)) && nodes.contains(&(link.0, link.2))
        };
        let true_links = network.links();
        self.nodes() == nodes
            && true_links
                .iter()
                .filter(inner)
                .all(|link| links.contains(link))
    }
}
