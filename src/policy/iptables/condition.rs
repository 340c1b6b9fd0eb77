//! What a rule asks for: iptables-extensions(8), MATCH EXTENSIONS.

use std::net::IpAddr;

use super::words::{masked, number};
use crate::policy::form::{
    Alternative, Family, Field, Key, Match, Pattern, Set, Step, Transport, Turn,
};
use crate::policy::nft::PROTOCOLS;
use crate::policy::packet;

/// The conditions of one rule, option by option.
pub(super) struct Conditions {
    family: Family,
    module: String,
    steps: Vec<Step>,
}

impl Conditions {
    pub(super) fn new(family: Family) -> Self {
        Self {
            family,
            module: String::new(),
            steps: Vec::new(),
        }
    }

    pub(super) fn steps(self) -> Vec<Step> {
        self.steps
    }

    /// Takes one option with its words. What is not understood may match or not.
    pub(super) fn take(&mut self, option: &str, values: &[String], turn: Turn) {
        if matches!(option, "-m" | "--match") {
            self.module = values.first().cloned().unwrap_or_default();
            // These ask by their being there; others by their options.
            match self.module.as_str() {
                "socket" | "ipv6header" | "frag" | "ah" | "dst" | "hbh" | "rt" | "mh" | "eui64"
                | "unclean" => self.steps.push(Step::Doubt),
                // It asks for a route back unless its options turn that round.
                "rpfilter" => self.steps.push(route_back(Turn::Straight)),
                _ => {}
            }
            return;
        }
        let value = values.first().map_or("", String::as_str);
        if self.module == "rpfilter" && option == "--invert" {
            self.steps.pop();
            self.steps.push(route_back(Turn::Round));
        } else if !self.asks_nothing(option) {
            let condition = self.condition(option, value, values);
            self.steps.push(
                condition.map_or(Step::Doubt, |condition| Step::Match(condition.turned(turn))),
            );
        }
    }

    /// Options that ask for nothing.
    fn asks_nothing(&self, option: &str) -> bool {
        matches!(option, "--comment")
            || (self.module == "rpfilter"
                && matches!(option, "--loose" | "--validmark" | "--accept-local"))
    }

    fn v6(&self) -> bool {
        self.family == Family::Ip6
    }

    fn by_family(&self, of4: Field, of6: Field) -> Field {
        if self.v6() { of6 } else { of4 }
    }

    fn condition(&self, option: &str, value: &str, values: &[String]) -> Option<Match> {
        let source = self.by_family(Field::Source4, Field::Source6);
        let destination = self.by_family(Field::Destination4, Field::Destination6);
        let original = self.by_family(Field::OriginalDestination4, Field::OriginalDestination6);
        let original_source = self.by_family(Field::OriginalSource4, Field::OriginalSource6);
        Some(match option {
            "-p" | "--protocol" => match protocol(value)? {
                0 => Match::one(Field::Protocol, [Pattern::Any]),
                number => Match::one(Field::Protocol, [Pattern::exactly(number)]),
            },
            "-s" | "--source" => self.network(source, value)?,
            "-d" | "--destination" => self.network(destination, value)?,
            "-i" | "--in-interface" => Match::one(Field::Input, [interface(value)]),
            "-o" | "--out-interface" => Match::one(Field::Output, [interface(value)]),
            // Second and further fragments: our packets are whole.
            "-f" => Match::one(
                Key {
                    field: Field::FragmentOffset,
                    mask: Some(0x1fff),
                },
                [Pattern::Between(1, 0x1fff)],
            ),
            "--sport" | "--source-port" => {
                Match::one(Field::SourcePort(self.transport()), [port(value)?])
            }
            "--dport" | "--destination-port" => {
                Match::one(Field::DestinationPort(self.transport()), [port(value)?])
            }
            "--sports" | "--source-ports" => {
                Match::one(Field::SourcePort(Transport::Any), ports(value)?)
            }
            "--dports" | "--destination-ports" => {
                Match::one(Field::DestinationPort(Transport::Any), ports(value)?)
            }
            "--ports" => {
                let mut either = Match::one(Field::SourcePort(Transport::Any), ports(value)?);
                let other = Match::one(Field::DestinationPort(Transport::Any), ports(value)?);
                either.any.extend(other.any);
                either
            }
            "--tcp-flags" => {
                let (mask, set) = (flags(value)?, flags(values.get(1)?)?);
                Match::one(
                    Key {
                        field: Field::TcpFlags,
                        mask: Some(mask),
                    },
                    [Pattern::exactly(set)],
                )
            }
            "--syn" => Match::one(
                Key {
                    field: Field::TcpFlags,
                    mask: Some(0x17),
                },
                [Pattern::exactly(2)],
            ),
            "--icmp-type" => icmp(value, Field::IcmpType4, Field::IcmpCode4)?,
            "--icmpv6-type" => icmp(value, Field::IcmpType6, Field::IcmpCode6)?,
            "--ctstate" | "--state" => Match::one(Field::State, [Pattern::AnyBit(states(value)?)]),
            "--ctdir" => Match::one(
                Field::Direction,
                [Pattern::exactly(match value {
                    "ORIGINAL" => 0,
                    "REPLY" => 1,
                    _ => return None,
                })],
            ),
            "--ctorigsrc" => self.network(original_source, value)?,
            "--ctorigdst" => self.network(original, value)?,
            "--ctorigdstport" => Match::one(Field::OriginalDestinationPort, [port(value)?]),
            "--src-range" => Match::one(source, [addresses(value)?]),
            "--dst-range" => Match::one(destination, [addresses(value)?]),
            "--mark" => {
                let (value, mask) = masked(value)?;
                let field = match self.module.as_str() {
                    "mark" => Field::Mark,
                    "connmark" => Field::TrackMark,
                    _ => return None,
                };
                Match::one(
                    Key {
                        field,
                        mask: Some(mask.into()),
                    },
                    [Pattern::exactly(value.into())],
                )
            }
            "--src-type" if self.v6() => kind6(source, Field::SourceKind, value)?,
            "--dst-type" if self.v6() => kind6(destination, Field::DestinationKind, value)?,
            "--src-type" => Match::one(Field::SourceKind, kinds(value)?),
            "--dst-type" => Match::one(Field::DestinationKind, kinds(value)?),
            "--uid-owner" => Match::one(Field::User, [ids(value)?]),
            "--gid-owner" => Match::one(Field::Group, [ids(value)?]),
            "--pkt-type" => Match::one(
                Field::FrameKind,
                [Pattern::exactly(match value {
                    "unicast" | "host" => 0,
                    "broadcast" => 1,
                    "multicast" => 2,
                    _ => return None,
                })],
            ),
            _ => return None,
        })
    }

    /// Whose ports `--dport` means: those of the module that asks. Of which protocol they are is a condition of its own.
    fn transport(&self) -> Transport {
        match self.module.as_str() {
            "tcp" => Transport::Tcp,
            "udp" => Transport::Udp,
            _ => Transport::Any,
        }
    }

    /// `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK`.
    fn network(&self, field: Field, value: &str) -> Option<Match> {
        let (address, mask) = value.split_once('/').unwrap_or((value, ""));
        let address: IpAddr = address.parse().ok()?;
        let bits: u32 = if address.is_ipv6() { 128 } else { 32 };
        if address.is_ipv6() != self.v6() {
            return None;
        }
        let all = u128::MAX >> (128 - bits);
        let mask = match mask {
            "" => all,
            _ => match mask.parse::<u32>() {
                Ok(length) => {
                    let free = bits.checked_sub(length)?;
                    all & u128::MAX.checked_shl(free).unwrap_or(0)
                }
                Err(_) => packet::number(mask.parse().ok()?),
            },
        };
        let value = packet::number(address) & mask;
        Some(Match::one(
            Key {
                field,
                mask: (mask != all).then_some(mask),
            },
            [Pattern::exactly(value)],
        ))
    }
}

fn route_back(turn: Turn) -> Step {
    Step::Match(Match::one(Field::RouteBack, [Pattern::exactly(1)]).turned(turn))
}

/// A protocol by name or number; 0 is every one.
pub(super) fn protocol(word: &str) -> Option<u128> {
    if word == "all" {
        return Some(0);
    }
    number(word).or_else(|| {
        PROTOCOLS
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, number)| *number)
    })
}

/// `eth0`, or `eth+` for all that begin so.
fn interface(word: &str) -> Pattern {
    match word.strip_suffix('+') {
        Some(start) => Pattern::Prefix(start.to_owned()),
        None => Pattern::Name(word.to_owned()),
    }
}

/// `80`, `80:90`, `:90`, `80:`.
fn port(word: &str) -> Option<Pattern> {
    let Some((first, last)) = word.split_once(':') else {
        return number(word).map(Pattern::exactly);
    };
    let end = |word: &str, open: u128| {
        if word.is_empty() {
            Some(open)
        } else {
            number(word)
        }
    };
    Some(Pattern::Between(end(first, 0)?, end(last, 65_535)?))
}

fn ports(word: &str) -> Option<Vec<Pattern>> {
    word.split(',').map(port).collect()
}

/// `FIRST-LAST`.
fn addresses(word: &str) -> Option<Pattern> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let each = |word: &str| word.parse().ok().map(packet::number);
    Some(Pattern::Between(each(first)?, each(last)?))
}

/// `1000` or `1000-1010`.
fn ids(word: &str) -> Option<Pattern> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some(Pattern::Between(number(first)?, number(last)?))
}

fn flags(words: &str) -> Option<u128> {
    words.split(',').try_fold(0, |sum, word| {
        let bit = match word {
            "FIN" => 1,
            "SYN" => 2,
            "RST" => 4,
            "PSH" => 8,
            "ACK" => 16,
            "URG" => 32,
            "ALL" => 63,
            "NONE" => 0,
            _ => return None,
        };
        Some(sum | bit)
    })
}

fn states(words: &str) -> Option<u128> {
    words.split(',').try_fold(0, |sum, word| {
        let bit = match word {
            "INVALID" => Field::INVALID,
            "NEW" => Field::NEW,
            "ESTABLISHED" => Field::ESTABLISHED,
            "RELATED" => Field::RELATED,
            "UNTRACKED" => Field::UNTRACKED,
            "SNAT" => Field::SNAT,
            "DNAT" => Field::DNAT,
            _ => return None,
        };
        Some(sum | bit)
    })
}

/// Kinds of addresses (`RTN_*`, linux/rtnetlink.h).
fn kinds(words: &str) -> Option<Vec<Pattern>> {
    words
        .split(',')
        .map(|word| {
            let kind = match word {
                "UNSPEC" => 0,
                "UNICAST" => 1,
                "LOCAL" => 2,
                "BROADCAST" => 3,
                "ANYCAST" => 4,
                "MULTICAST" => 5,
                "BLACKHOLE" => 6,
                "UNREACHABLE" => 7,
                "PROHIBIT" => 8,
                _ => return None,
            };
            Some(Pattern::exactly(kind))
        })
        .collect()
}

/// The same for IPv6, where unicast and multicast are told by the address alone, this machine's own being unicast too (Linux `match_type6`).
fn kind6(address: Field, kind: Field, word: &str) -> Option<Match> {
    let multicast = || Match::one(address, [Pattern::Between(0xff << 120, u128::MAX)]);
    match word {
        "LOCAL" => Some(Match::one(kind, [Pattern::exactly(2)])),
        "UNICAST" => Some(multicast().turned(Turn::Round)),
        "MULTICAST" => Some(multicast()),
        _ => None,
    }
}

/// `any`, `8`, `3/1`, or one of the names that are written for them.
fn icmp(word: &str, kind: Field, code: Field) -> Option<Match> {
    let (first, second) = word
        .split_once('/')
        .map_or((word, None), |(first, second)| (first, Some(second)));
    let named = match (kind, first) {
        (_, "any") | (Field::IcmpType4, "255") => {
            return Some(Match::one(kind, [Pattern::Any]));
        }
        (Field::IcmpType4, "echo-reply") => Some(0),
        (Field::IcmpType4, "echo-request") => Some(8),
        (Field::IcmpType6, "echo-request") => Some(128),
        (Field::IcmpType6, "echo-reply") => Some(129),
        _ => number(first),
    }?;
    let mut keys = vec![Key::from(kind)];
    let mut patterns = vec![Pattern::exactly(named)];
    if let Some(second) = second {
        keys.push(code.into());
        patterns.push(Pattern::exactly(number(second)?));
    }
    Some(Match {
        any: vec![Alternative {
            keys,
            set: Set::Elements(vec![patterns]),
        }],
        negated: false,
    })
}
