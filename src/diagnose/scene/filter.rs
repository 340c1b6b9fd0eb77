//! What this machine's packet rules say of the flow, and whether that agrees with what was seen of it.

use super::{Scene, Sender, Shape};
use crate::diagnose::Need;
use crate::model::evidence::PACKET_RULES;
use crate::model::firewall::{Direction, Firewall, JudgedFlow, Ruling, Says};
use crate::model::source::Privilege;
use crate::model::target::Protocol;
use crate::model::topology::TraceProtocol;
use crate::model::{Endpoint, Evidence, Operation, Outcome};

/// What is known of this machine's packet rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Filter<'a> {
    /// They were not looked at yet.
    Unasked,
    /// They can't be had.
    Unread,
    /// They let the flow out and its answer in.
    Allows(&'a Firewall),
    /// They stop the flow, and nothing that was seen of it speaks against that.
    Denies(Denial<'a>),
    /// They would stop it, and yet it was not stopped so.
    Contradicted,
    /// It can't be told, because of this.
    CantTell(&'a Firewall, &'a Ruling),
}

/// That the rules stop a flow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Denial<'a> {
    /// All that was read.
    pub firewall: &'a Firewall,
    /// The flow.
    pub flow: &'a JudgedFlow,
    /// Which of its packets.
    pub direction: Direction,
    /// By which rule.
    pub ruling: &'a Ruling,
}

impl<'a> Denial<'a> {
    /// By which rule a flow is stopped; none where the rules let it pass, or were not read.
    pub fn of(
        evidence: &'a Evidence,
        endpoint: &Endpoint,
        protocol: TraceProtocol,
    ) -> Option<Self> {
        let firewall = evidence.local.firewall.as_ref()?;
        let flow = firewall.flow(endpoint, protocol)?;
        let (direction, ruling) = flow.trouble()?;
        (ruling.says == Says::Denies).then_some(Self {
            firewall,
            flow,
            direction,
            ruling,
        })
    }
}

impl<'a> Scene<'a> {
    /// With what the flow that the packet rules see is made.
    fn flow_protocol(&self) -> TraceProtocol {
        match self.probe() {
            _ if self.evidence.target.protocol == Protocol::Trace => self.evidence.path_protocol(),
            Operation::Echo => TraceProtocol::Icmp,
            Operation::Datagram => TraceProtocol::Udp,
            _ => TraceProtocol::Tcp,
        }
    }

    /// What this machine's packet rules say of the flow.
    pub fn filter(&self) -> Filter<'a> {
        let evidence = self.evidence;
        let firewall = evidence.local.firewall.as_ref();
        let judged =
            firewall.and_then(|all| Some((all, all.flow(self.endpoint(), self.flow_protocol())?)));
        let Some((firewall, flow)) = judged else {
            let missing = evidence.not_measured.iter();
            let noted = missing.clone().any(|m| m.what == PACKET_RULES);
            return if noted || !evidence.options.local || self.route().is_none() {
                Filter::Unread
            } else {
                Filter::Unasked
            };
        };
        match flow.trouble() {
            None => Filter::Allows(firewall),
            Some((_, ruling)) if ruling.says == Says::Denies => {
                let denial = Denial::of(evidence, self.endpoint(), self.flow_protocol());
                let agreed = denial.filter(|denial| self.agrees(denial));
                agreed.map_or(Filter::Contradicted, Filter::Denies)
            }
            Some((_, ruling)) => Filter::CantTell(firewall, ruling),
        }
    }

    /// Whether what was seen is what such a rule does.
    fn agrees(&self, denial: &Denial<'_>) -> bool {
        // A router, or the host, that answers probes to this very port has seen them: they leave this machine.
        let leaves = self.walk.last_expired().is_some() || self.walk.arrival().is_some();
        let rejects = denial.ruling.rejects.as_deref();
        match (self.shape(), denial.direction) {
            (Shape::Silent, Direction::Out) => !leaves,
            // What a rule drops of what comes in, and a rejection of it, which goes to its sender, look alike.
            (Shape::Silent, Direction::In)
            | (Shape::LocalError(Outcome::Denied), Direction::Out) => true,
            (Shape::Rejected(r), Direction::Out) => {
                rejects.is_some() && r.sender == Sender::ThisMachine
            }
            // A reset of this machine's own answers whatever the TTL: then the walk ends at the first hop.
            (Shape::Refused, Direction::Out) => {
                rejects.is_some_and(|with| with.contains("reset"))
                    && self.walk.last_expired().is_none()
                    && (self.is_own()
                        || self.egress.is_empty()
                        || self.resets_made_here().is_some())
            }
            _ => false,
        }
    }

    /// Whether this machine itself made the resets that answered: by its packet rules, or by what was counted.
    pub fn resets_are_ours(&self) -> bool {
        self.resets_made_here().is_some()
            || matches!(
                (self.shape(), self.filter()),
                (Shape::Refused, Filter::Denies(_))
            )
    }

    /// What would tell what the rules say, where that could explain what was seen and was not asked for yet. What an ordinary user could
    /// not be told is asked for only where the rules are suspected: its absence is said in the report.
    pub fn packet_rules(&self) -> Option<Need> {
        let privileges = &self.evidence.source.privileges;
        let may = [Privilege::Root, Privilege::CapNetAdmin];
        let may = may.iter().all(|one| privileges.contains(one));
        // A router that answers, a next hop that does not, or the reverse-path filter, which is no packet rule.
        let explained = self.walk.last_expired().is_some()
            || self.next_hop().is_some_and(|hop| hop.state.unresolved())
            || self
                .counters
                .iter()
                .any(|o| o.outcome == Outcome::ReversePathFiltered);
        let suspected = match self.shape() {
            Shape::Silent => may || !explained,
            Shape::LocalError(outcome) => outcome == Outcome::Denied,
            Shape::Rejected(r) => r.sender == Sender::ThisMachine,
            Shape::Refused => may,
            Shape::Mixed => may && self.troubled().len() > 1,
            _ => false,
        };
        (suspected && self.filter() == Filter::Unasked)
            .then(|| Need::PacketRules(self.endpoint().clone()))
    }
}
