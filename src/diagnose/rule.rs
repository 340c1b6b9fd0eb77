//! What a rule is: one id, its explanation, and a pure three-valued judgement.

use crate::model::{Endpoint, Evidence, Finding, Id};

/// What a rule makes of the evidence.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It is so, and here is the proof.
    Fires(Box<Finding>),
    /// The same, and these would make more exact what is said of it.
    Refinable(Box<Finding>, Vec<Need>),
    /// It is proven not to be so, or does not apply.
    Clear,
    /// It can't be told yet; these would settle it. None: nothing more can.
    Unknown(Vec<Need>),
}

impl Judgement {
    /// Fires with this finding.
    pub fn fires(finding: Finding) -> Self {
        Self::Fires(Box::new(finding))
    }

    /// Fires with this finding, of which more could be said.
    pub fn refinable(finding: Finding, needs: Vec<Need>) -> Self {
        if needs.is_empty() {
            Self::fires(finding)
        } else {
            Self::Refinable(Box::new(finding), needs)
        }
    }

    /// The finding, where it is so.
    pub fn finding(self) -> Option<Finding> {
        match self {
            Self::Fires(finding) | Self::Refinable(finding, _) => Some(*finding),
            Self::Clear | Self::Unknown(_) => None,
        }
    }
}

/// A measurement that would settle a rule. The plan decides whether it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Need {
    /// Every source of the name heard to its end.
    Resolution,
    /// The burst of probes.
    Burst(Endpoint),
    /// The same burst once more, to tell a fault from a chance.
    SecondBurst(Endpoint),
    /// A connection to the control port of the same host.
    Control(Endpoint),
    /// Echo requests to the same host.
    Echo(Endpoint),
    /// Datagrams to an unlikely port of the same host.
    Datagram(Endpoint),
    /// The path, with the probes that were asked for.
    Trace(Endpoint),
    /// The path, with SYNs to the control port.
    ControlTrace(Endpoint),
    /// The port asked for once more, at the distances where only the control was answered.
    Reask(Endpoint),
    /// The path, with datagrams.
    DatagramTrace(Endpoint),
    /// What this machine's packet rules make of the flow.
    PacketRules(Endpoint),
    /// Whether packets leave this machine at all when the port is refused at once.
    Egress(Endpoint),
    /// Whether answers reach this machine and are dropped by it.
    Ingress(Endpoint),
    /// SYNs to the port and to the control port with a TTL that ends just before the host: which of them are reset?
    ResetLimit(Endpoint),
    /// SYNs to the port and to the control port with the TTL at which the control port answers: do those to the port expire there?
    ControlLimit(Endpoint),
    /// The largest packet that the path carries whole.
    Mtu(Endpoint),
    /// With which TTL the reset comes back, and the answer of the control port where that is open.
    ReturnTtl(Endpoint),
    /// The first hop that stays silent, asked again after a pause in which nothing is sent.
    QuietLook(Endpoint),
    /// Attempts from the source ports of those that failed: does the flow decide, or chance?
    SamePorts(Endpoint),
    /// Connections from another source of this machine's, in turn with usual ones.
    OtherSource(Endpoint),
    /// Which flows arrive: flows from many source ports followed hop by hop and asked at the destination.
    Outcomes(Endpoint),
    /// A moment on connections that open: does the other side end them at once?
    Look(Endpoint),
    /// A connection alone, on which the greeting of what the URI asks for is awaited.
    Greeting(Endpoint),
    /// A series of control probes, to tell loss on the way from trouble at the port.
    ControlSeries(Endpoint),
}

/// What `nwcheck explain ID` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explain {
    /// What it means, for somebody who sees it for the first time.
    pub meaning: &'static str,
    /// How it is known: what proves it, and its limits.
    pub proof: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    /// What else looks like it, and how they are told apart.
    pub lookalikes: &'static str,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
pub enum Judge {
    /// The check as a whole: its name, its options.
    Check(fn(&Evidence) -> Judgement),
    /// One address under test.
    Endpoint(fn(&super::scene::Scene<'_>) -> Judgement),
    /// Made by the choice of the cause, from what the other rules found (`destination-address-partial`, criteria).
    Composed,
}

/// One rule.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The finding that it makes.
    pub id: Id,
    /// What `nwcheck explain` says of it.
    pub explain: Explain,
    /// How it judges.
    pub judge: Judge,
}
