//! What this machine's packet rules make of the flows of a check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Endpoint;
use super::topology::TraceProtocol;

/// At most so many characters of a rule are kept.
pub const LONGEST_RULE: usize = 400;
/// The interface of packets that stay on this machine.
pub const LOOPBACK: &str = "lo";

/// The packet rules of this machine, as they were when the check began, and what they make of its flows. Never the rules
/// themselves, but for those that decide.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Firewall {
    /// The commands that listed the rules; empty where no packet filter is loaded.
    pub programs: Vec<String>,
    /// How many rules they listed.
    pub rules: u32,
    /// Why these may not be all; empty when they are.
    pub gaps: Vec<String>,
    /// What the rules make of each flow.
    pub flows: Vec<JudgedFlow>,
}

/// A flow from this machine, and what its packet rules make of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedFlow {
    /// To where.
    pub endpoint: Endpoint,
    /// With what.
    pub protocol: TraceProtocol,
    /// The interface that it leaves by, where it is known.
    pub interface: Option<String>,
    /// Its first packet, on its way out; where the target is this machine, on its way in too.
    pub out: Ruling,
    /// The answer on its way in; null where the packet does not get out.
    pub answer: Option<Ruling>,
}

/// What the rules do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Says {
    /// They let it pass.
    Allows,
    /// They discard it.
    Denies,
    /// That depends on what the rules alone do not tell.
    CantTell,
}

/// What the rules make of one direction of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ruling {
    /// What they do.
    pub says: Says,
    /// The rule or policy that denies it, or because of which it can't be told; null where there is none to name.
    pub rule: Option<QuotedRule>,
    /// With what a rule that denies it answers, as it names it; null for silence.
    pub rejects: Option<String>,
    /// Why it can't be told.
    pub why: Option<String>,
}

impl Ruling {
    /// The packet passes.
    pub const ALLOWS: Self = Self {
        says: Says::Allows,
        rule: None,
        rejects: None,
        why: None,
    };
}

/// Which program lists a rule, and changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RuleProgram {
    /// `nft`.
    Nft,
    /// `iptables` and `ip6tables`, in the variant that makes rules of nftables.
    Iptables,
    /// `iptables` and `ip6tables`, in the variant with rules of its own.
    IptablesLegacy,
}

/// A rule or the policy of a chain, for people to find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuotedRule {
    /// Who lists it.
    pub program: RuleProgram,
    /// The family of its table, as nft calls it: `ip`, `ip6`, `inet`, `netdev`, `bridge`.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// Where on its way the packet meets that chain, as nft calls it: `output`, `input`; null for a chain that others jump to.
    pub hook: Option<String>,
    /// Its number for nft; null for a policy, and where its program has no such numbers.
    pub handle: Option<u64>,
    /// Whether it is the chain's policy, which holds where no rule decides.
    pub is_policy: bool,
    /// As its program writes it, cut after 400 characters; `policy drop` for a policy.
    pub text: String,
}

impl Firewall {
    /// What the rules make of a flow.
    pub fn flow(&self, endpoint: &Endpoint, protocol: TraceProtocol) -> Option<&JudgedFlow> {
        self.flows
            .iter()
            .find(|flow| flow.endpoint == *endpoint && flow.protocol == protocol)
    }
}

/// Which of a flow's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The first one, on its way out.
    Out,
    /// The answer, on its way in.
    In,
}

impl JudgedFlow {
    /// Where the rules stop it for sure, or else where that can't be told; none where they let it out and its answer in.
    pub fn trouble(&self) -> Option<(Direction, &Ruling)> {
        let answer = self.answer.iter().map(|ruling| (Direction::In, ruling));
        let both = || std::iter::once((Direction::Out, &self.out)).chain(answer.clone());
        both()
            .find(|(_, ruling)| ruling.says == Says::Denies)
            .or_else(|| both().find(|(_, ruling)| ruling.says == Says::CantTell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(out: Says, answer: Option<Says>) -> JudgedFlow {
        let ruling = |says| Ruling {
            says,
            ..Ruling::ALLOWS
        };
        JudgedFlow {
            endpoint: "192.0.2.1:443".parse().unwrap(),
            protocol: TraceProtocol::Tcp,
            interface: None,
            out: ruling(out),
            answer: answer.map(ruling),
        }
    }

    #[test]
    fn what_denies_for_sure_comes_before_what_can_t_be_told() {
        use Says::{Allows, CantTell, Denies};
        let trouble = |out, answer| {
            let flow = flow(out, answer);
            flow.trouble()
                .map(|(direction, ruling)| (direction, ruling.says))
        };
        assert_eq!(trouble(Allows, Some(Allows)), None);
        assert_eq!(trouble(Denies, None), Some((Direction::Out, Denies)));
        assert_eq!(
            trouble(CantTell, Some(Denies)),
            Some((Direction::In, Denies))
        );
        assert_eq!(
            trouble(CantTell, Some(CantTell)),
            Some((Direction::Out, CantTell))
        );
    }
}
