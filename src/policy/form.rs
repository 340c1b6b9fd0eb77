//! The form that packet rules of every make are read into.

use std::collections::BTreeMap;
use std::fmt;

impl Ruleset {
    /// Whether a rule for this family looks at connections or translates addresses, which makes the kernel track them (`nf_ct_netns_get`).
    /// A chain of that kind alone does not.
    pub(super) fn wants_tracking(&self, v6: bool) -> bool {
        let of_family = |table: &&Table| match table.family {
            Family::Ip => !v6,
            Family::Ip6 => v6,
            Family::Inet => true,
            _ => false,
        };
        let tables = self.tables.iter().filter(of_family);
        let chains = tables.flat_map(|table| &table.chains);
        let rules = chains.flat_map(|chain| &chain.rules);
        rules.flat_map(|rule| &rule.steps).any(Step::tracks)
    }
}

impl Step {
    fn tracks(&self) -> bool {
        let keys = |keys: &[Key]| keys.iter().any(|key| key.field.is_tracked());
        match self {
            Self::Match(condition) => condition.any.iter().any(|each| keys(&each.keys)),
            Self::Choose(by, _) => keys(by),
            Self::Mark(mark) => {
                mark.of == Change::Connection
                    || mark
                        .from
                        .is_some_and(|(from, _)| from == Change::Connection)
            }
            Self::Nat(_) => true,
            _ => false,
        }
    }
}

/// Who lists the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// nftables.
    Nft,
    /// iptables with its own kernel modules (legacy).
    Iptables,
    /// iptables by nftables.
    IptablesByNft,
}

/// Which packets a table sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
    /// All frames of an interface.
    Netdev,
    /// Frames that pass a bridge.
    Bridge,
    /// Address resolution.
    Arp,
}

impl Family {
    /// As nft writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Netdev => "netdev",
            Self::Bridge => "bridge",
            Self::Arp => "arp",
        }
    }

    /// The family of this name.
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::Ip,
            Self::Ip6,
            Self::Inet,
            Self::Netdev,
            Self::Bridge,
            Self::Arp,
        ]
        .into_iter()
        .find(|family| family.name() == name)
    }
}

/// Where on its way a packet is shown to chains (Linux `enum nf_inet_hooks`, `nf_dev_hooks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// As it comes from the device.
    Ingress,
    /// Before the routing decision.
    Prerouting,
    /// To this machine.
    Input,
    /// Through this machine.
    Forward,
    /// From this machine.
    Output,
    /// After the routing decision.
    Postrouting,
    /// As it goes to the device.
    Egress,
}

impl Hook {
    /// As nft writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Egress => "egress",
        }
    }

    /// The hook of this name, in nft's letters or in those of iptables.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        [
            Self::Ingress,
            Self::Prerouting,
            Self::Input,
            Self::Forward,
            Self::Output,
            Self::Postrouting,
            Self::Egress,
        ]
        .into_iter()
        .find(|hook| hook.name() == name)
    }
}

/// What a base chain is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Decides.
    Filter,
    /// Translates addresses: sees the first packet of a connection alone.
    Nat,
    /// Decides, and the route is looked up again when it changed the mark.
    Route,
}

/// Everything that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruleset {
    /// The tables, as listed.
    pub tables: Vec<Table>,
    /// Why the list is not all that there is; empty when it is.
    pub gaps: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Who listed it.
    pub origin: Origin,
    /// Which packets it sees.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Whether its chains see packets; none where the list does not tell (a dormant table's do not).
    pub active: Option<bool>,
    /// Its chains.
    pub chains: Vec<Chain>,
    /// Its named sets.
    pub sets: BTreeMap<String, Set>,
    /// Its named maps to verdicts.
    pub maps: BTreeMap<String, Map>,
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where it sees packets; none for one that others jump to.
    pub base: Option<Base>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// Where a base chain sees packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// At which hook.
    pub hook: Hook,
    /// Lower ones come first.
    pub priority: i32,
    /// What it is for.
    pub kind: Kind,
    /// What becomes of a packet that no rule decides on.
    pub policy: Verdict,
    /// For ingress and egress: on which devices; none where the list does not tell.
    pub devices: Option<Vec<String>>,
}

/// A rule: its steps in order, each of which may end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The number by which it can be deleted, where there is one.
    pub handle: Option<u64>,
    /// As its firewall writes it.
    pub text: String,
    /// What it does.
    pub steps: Vec<Step>,
}

/// One step of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Goes on only where this holds.
    Match(Match),
    /// May end the rule or not: a rate limit, or what is not understood and looks only.
    Doubt,
    /// What it does is not understood at all: it may decide on the packet, or change it.
    Opaque,
    /// Decides.
    Verdict(Verdict),
    /// Decides by a map; a packet that is not in it goes on with the next rule.
    Choose(Vec<Key>, Map),
    /// Changes a mark.
    Mark(Mark),
    /// Translates an address.
    Nat(Nat),
    /// The packet is not tracked.
    Untrack,
}

/// What a verdict does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This base chain lets it pass.
    Accept,
    /// Discarded in silence.
    Drop,
    /// Discarded with an answer, as the rule names it.
    Reject(String),
    /// On with another chain, and back.
    Jump(String),
    /// On with another chain, and not back.
    Goto(String),
    /// Back to where the chain was jumped to from.
    Return,
    /// On with the next rule.
    Continue,
    /// Something else decides: a program, a proxy.
    Elsewhere,
}

/// A condition: one of the alternatives holds; or none, if negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Any of these.
    pub any: Vec<Alternative>,
    /// Turned round. A field that the packet does not have fails the condition even so.
    pub negated: bool,
}

/// Fields, side by side, that must be in a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The fields.
    pub keys: Vec<Key>,
    /// The values.
    pub set: Set,
}

impl Match {
    /// One field against some patterns.
    pub fn one(key: impl Into<Key>, patterns: impl IntoIterator<Item = Pattern>) -> Self {
        let elements = patterns.into_iter().map(|pattern| vec![pattern]);
        Self {
            any: vec![Alternative {
                keys: vec![key.into()],
                set: Set::Elements(elements.collect()),
            }],
            negated: false,
        }
    }

    /// The same, negated where that is asked for.
    #[must_use]
    pub fn turned(mut self, turn: Turn) -> Self {
        self.negated ^= turn == Turn::Round;
        self
    }
}

/// Whether a condition is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It stands as it is.
    Straight,
    /// It is negated.
    Round,
}

/// Values to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// These; one pattern for each field.
    Elements(Vec<Vec<Pattern>>),
    /// The named set of the same table.
    Named(String),
    /// It can't be read.
    Unknown,
}

/// Values, and what each leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Map {
    /// These.
    Elements(Vec<(Vec<Pattern>, Verdict)>),
    /// The named map of the same table.
    Named(String),
    /// It can't be read.
    Unknown,
}

/// One value, or many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// From one to the other, both included.
    Between(u128, u128),
    /// At least one of these bits.
    AnyBit(u128),
    /// A name.
    Name(String),
    /// Names that begin so.
    Prefix(String),
    /// Everything.
    Any,
    /// It can't be read.
    Unknown,
}

impl Pattern {
    /// This value alone.
    pub const fn exactly(value: u128) -> Self {
        Self::Between(value, value)
    }
}

/// A field, with the bits of it that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub field: Field,
    /// All where none.
    pub mask: Option<u128>,
}

impl From<Field> for Key {
    fn from(field: Field) -> Self {
        Self { field, mask: None }
    }
}

/// Whose header a port is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP's alone.
    Tcp,
    /// UDP's alone.
    Udp,
    /// Of whatever comes after the IP header.
    Any,
    /// One that our packets don't have.
    Other,
}

/// What of a packet is looked at. Addresses of IPv4 and of IPv6 are fields of their own: a packet has one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 2 for IPv4, 10 for IPv6 (`NFPROTO_*`).
    Family,
    /// The EtherType.
    EtherType,
    /// The protocol after the IP header.
    Protocol,
    /// The same, as the IPv4 header has it.
    Protocol4,
    /// The same, as the IPv6 header has it.
    Protocol6,
    /// IPv4 source.
    Source4,
    /// IPv6 source.
    Source6,
    /// IPv4 destination.
    Destination4,
    /// IPv6 destination.
    Destination6,
    /// Source port.
    SourcePort(Transport),
    /// Destination port.
    DestinationPort(Transport),
    /// ICMP type.
    IcmpType4,
    /// ICMP code.
    IcmpCode4,
    /// ICMPv6 type.
    IcmpType6,
    /// ICMPv6 code.
    IcmpCode6,
    /// TCP flags.
    TcpFlags,
    /// Offset of an IPv4 fragment, with its flags.
    FragmentOffset,
    /// Whether there is an IPv6 extension header.
    Extension,
    /// A field of an extension header: our packets have none.
    ExtensionField,
    /// The packet's mark.
    Mark,
    /// The interface it came by.
    Input,
    /// The interface it leaves by.
    Output,
    /// The user whose socket it is.
    User,
    /// The group.
    Group,
    /// Connection tracking: its state, a bit (`NF_CT_STATE_BIT`), with [`Field::SNAT`] and [`Field::DNAT`] beside it.
    State,
    /// Its status bits (`IPS_*`).
    Status,
    /// 0 original, 1 reply.
    Direction,
    /// The connection's mark.
    TrackMark,
    /// IPv4 source of the connection's first packet.
    OriginalSource4,
    /// IPv6 source of the connection's first packet.
    OriginalSource6,
    /// IPv4 destination of the connection's first packet.
    OriginalDestination4,
    /// IPv6 destination of the connection's first packet.
    OriginalDestination6,
    /// Destination port of the connection's first packet.
    OriginalDestinationPort,
    /// What kind of address the source is (`RTN_*`).
    SourceKind,
    /// What kind of address the destination is.
    DestinationKind,
    /// Whether there is a route back to the source by the interface it came by.
    RouteBack,
    /// The kind of frame (`PACKET_*`).
    FrameKind,
    /// One that is not known.
    Other,
}

impl Field {
    /// Whether connection tracking knows it.
    const fn is_tracked(self) -> bool {
        matches!(
            self,
            Self::State
                | Self::Status
                | Self::Direction
                | Self::TrackMark
                | Self::OriginalSource4
                | Self::OriginalSource6
                | Self::OriginalDestination4
                | Self::OriginalDestination6
                | Self::OriginalDestinationPort
        )
    }

    /// `ct state`: invalid.
    pub const INVALID: u128 = 1;
    /// `ct state`: established.
    pub const ESTABLISHED: u128 = 2;
    /// `ct state`: related.
    pub const RELATED: u128 = 4;
    /// `ct state`: new.
    pub const NEW: u128 = 8;
    /// `ct state`: untracked.
    pub const UNTRACKED: u128 = 64;
    /// iptables' state of a connection whose source was translated.
    pub const SNAT: u128 = 1 << 16;
    /// iptables' state of a connection whose destination was translated.
    pub const DNAT: u128 = 1 << 17;
    /// The bits of a state that nft knows.
    pub const STATES: u128 = 0x4f;
}

/// Which mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The packet's.
    Packet,
    /// The connection's.
    Connection,
}

/// A new mark: (the old one & `keep`) ^ (another & its mask) ^ `set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Whose.
    pub of: Change,
    /// Bits of the old one that stay.
    pub keep: u32,
    /// Bits that come from a mark.
    pub from: Option<(Change, u32)>,
    /// Bits that are turned.
    pub set: u32,
    /// The value can't be told.
    pub obscure: bool,
}

/// A translation of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nat {
    /// Of the destination.
    Destination {
        /// For packets of this family alone.
        family: Option<Family>,
        /// To which addresses; none leaves it, `Unknown` is one that can't be told.
        address: Option<Pattern>,
        /// To which ports.
        port: Option<Pattern>,
    },
    /// Of the destination, to this machine.
    Redirect {
        /// To which ports.
        port: Option<Pattern>,
    },
    /// Of the source.
    Source {
        /// For packets of this family alone.
        family: Option<Family>,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Reject(with) => write!(f, "reject with {with}"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
            Self::Return => f.write_str("return"),
            Self::Continue => f.write_str("continue"),
            Self::Elsewhere => f.write_str("queue"),
        }
    }
}
