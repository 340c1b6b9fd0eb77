//! DNS messages: a question to bytes, bytes to what they say of the question.
//!
//! Pure. Uses hickory's wire formats; whatever a server sends ends as [`Reading`], never as an error or a panic, and every text in it is
//! escaped and bounded.

use std::net::IpAddr;
use std::str::FromStr as _;

use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::model::Outcome;
use crate::model::text::escape;

/// At most so many records of an answer are kept.
const MOST_RECORDS: usize = 32;
/// Of the data of one record so many characters are kept.
const LONGEST_DATA: usize = 512;
/// A chain of more aliases than this is not followed (BIND and unbound stop between 11 and 17).
const LONGEST_CHAIN: usize = 16;
/// At most so many extended errors are quoted.
const MOST_EXTENDED_ERRORS: usize = 4;
/// The largest UDP answer that is asked for: what passes every link unfragmented (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;
/// The option code of extended DNS errors (RFC 8914 section 2).
const EXTENDED_ERROR: u16 = 15;

/// A record type: those that hold addresses, and what is asked for beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Another, asked for by name.
    Other(RecordType),
}

impl Kind {
    /// A type by its name; none where it is not known.
    pub(super) fn named(name: &str) -> Option<Self> {
        match RecordType::from_str(name).ok()? {
            RecordType::A => Some(Self::A),
            RecordType::AAAA => Some(Self::Aaaa),
            other => Some(Self::Other(other)),
        }
    }

    /// As it is written in a zone.
    pub(super) fn as_str(self) -> &'static str {
        self.record_type().into()
    }

    const fn record_type(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
            Self::Other(other) => other,
        }
    }
}

/// One question, and the number by which its answer is known.
#[derive(Debug, Clone)]
pub(super) struct Question {
    id: u16,
    name: Name,
    kind: Kind,
    checking_disabled: bool,
}

/// What a datagram, or a message over TCP, is to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// An answer to another question, or none: to be ignored.
    NotOurs,
    /// No well-formed message.
    Malformed,
    /// The answer.
    Answer(Reply),
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// What it comes to.
    pub(super) outcome: Outcome,
    /// The aliases and addresses that answer the question, as text.
    pub(super) answers: Vec<String>,
    /// The addresses among them.
    pub(super) addresses: Vec<IpAddr>,
    /// Extended DNS errors.
    pub(super) extended_errors: Vec<String>,
    /// Whether it was cut short.
    pub(super) truncated: bool,
    /// Whether the server does not know EDNS (RFC 6891 section 7): it may answer a question without.
    pub(super) edns_unknown: bool,
}

/// A label that nobody has, to ask for beside a name: 64 random bits.
pub(super) fn random_label() -> String {
    let bits = (0..4).fold(0_u64, |bits, _| {
        bits << 16 | u64::from(Message::query().metadata.id)
    });
    format!("nwcheck-{bits:016x}")
}

impl Question {
    /// A question for a name without its final dot; none if it is no name that DNS can carry.
    pub(super) fn new(name: &str, kind: Kind) -> Option<Self> {
        let mut name = Name::from_ascii(name).ok()?;
        name.set_fqdn(true);
        Some(Self {
            id: Message::query().metadata.id,
            name,
            kind,
            checking_disabled: false,
        })
    }

    /// The same question, under a new number, with checking disabled.
    pub(super) fn unchecked(&self) -> Self {
        Self {
            id: Message::query().metadata.id,
            checking_disabled: true,
            ..self.clone()
        }
    }

    /// The message, with EDNS or without; none if it can't be written.
    pub(super) fn to_bytes(&self, edns: bool) -> Option<Vec<u8>> {
        let mut message = Message::query();
        message.metadata.id = self.id;
        message.metadata.recursion_desired = true;
        message.metadata.checking_disabled = self.checking_disabled;
        message.add_query(Query::query(self.name.clone(), self.kind.record_type()));
        if edns {
            let mut options = Edns::new();
            options.set_max_payload(UDP_PAYLOAD);
            message.set_edns(options);
        }
        message.to_vec().ok()
    }

    /// What these bytes are to this question.
    pub(super) fn read(&self, bytes: &[u8]) -> Reading {
        let Some((&[high, low, flags, _], _)) = bytes.split_first_chunk::<4>() else {
            return Reading::Malformed;
        };
        let ours = u16::from_be_bytes([high, low]) == self.id;
        let Ok(message) = Message::from_vec(bytes) else {
            // A server may cut a message anywhere: TC is the third bit from the right of the third byte (RFC 1035 section 4.1.1).
            let cut_short = ours && flags & 0b1000_0010 == 0b1000_0010;
            return if cut_short {
                Reading::Answer(Reply::truncated())
            } else {
                Reading::Malformed
            };
        };
        if !ours || message.metadata.message_type != MessageType::Response {
            return Reading::NotOurs;
        }
        let code = message.metadata.response_code;
        match message.queries.as_slice() {
            [query] if self.is(query) => {}
            // Servers that fail may leave the question out.
            [] if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) => {}
            _ => return Reading::NotOurs,
        }
        Reading::Answer(self.reply(&message, code))
    }

    fn is(&self, query: &Query) -> bool {
        query.query_type == self.kind.record_type()
            && query.query_class == DNSClass::IN
            && query.name.eq_ignore_root(&self.name)
    }

    fn reply(&self, message: &Message, code: ResponseCode) -> Reply {
        let mut reply = Reply {
            extended_errors: extended_errors(message),
            truncated: message.metadata.truncation,
            ..Reply::truncated()
        };
        let looped = self.follow(&message.answers, &mut reply);
        reply.outcome = match code {
            _ if reply.truncated => Outcome::Ok,
            ResponseCode::NoError if looped => Outcome::AliasLoop,
            ResponseCode::NoError if reply.is_empty(self.kind) => Outcome::NoData,
            ResponseCode::NoError => Outcome::Ok,
            ResponseCode::NXDomain => Outcome::Nxdomain,
            ResponseCode::ServFail => Outcome::Servfail,
            ResponseCode::Refused => Outcome::DnsRefused,
            _ => Outcome::DnsOther,
        };
        if reply.outcome == Outcome::DnsOther {
            reply
                .answers
                .insert(0, format!("response code {}", response_code(code)));
        }
        reply.edns_unknown = matches!(
            code,
            ResponseCode::FormErr
                | ResponseCode::NotImp
                | ResponseCode::BADVERS
                | ResponseCode::BADSIG
        );
        reply
    }

    /// Follows the aliases from the name asked for to its addresses; says whether they return to themselves or are too many.
    fn follow(&self, records: &[Record], reply: &mut Reply) -> bool {
        let mut owner = self.name.clone();
        let mut seen = vec![owner.clone()];
        loop {
            let of_owner = |record: &&Record| record.name.eq_ignore_root(&owner);
            for record in records.iter().filter(of_owner) {
                if let Kind::Other(wanted) = self.kind {
                    if record.record_type() == wanted && reply.answers.len() < MOST_RECORDS {
                        let data = escape(&record.data.to_string());
                        let data: String = data.chars().take(LONGEST_DATA).collect();
                        reply.answers.push(format!("{} {data}", self.kind.as_str()));
                    }
                    continue;
                }
                let address: IpAddr = match (&record.data, self.kind) {
                    (RData::A(address), Kind::A) => address.0.into(),
                    (RData::AAAA(address), Kind::Aaaa) => address.0.into(),
                    _ => continue,
                };
                if reply.answers.len() < MOST_RECORDS && !reply.addresses.contains(&address) {
                    reply
                        .answers
                        .push(format!("{} {address}", self.kind.as_str()));
                    reply.addresses.push(address);
                }
            }
            if !reply.is_empty(self.kind) {
                return false;
            }
            let next = records
                .iter()
                .filter(of_owner)
                .find_map(|record| match &record.data {
                    RData::CNAME(alias) => Some(alias.0.clone()),
                    _ => None,
                });
            let Some(next) = next else { return false };
            if reply.answers.len() < MOST_RECORDS {
                reply
                    .answers
                    .push(format!("CNAME {}", escape(&next.to_ascii())));
            }
            if seen.len() > LONGEST_CHAIN || seen.iter().any(|name| name.eq_ignore_root(&next)) {
                return true;
            }
            seen.push(next.clone());
            owner = next;
        }
    }
}

impl Reply {
    /// Whether nothing of the type asked for is in it.
    fn is_empty(&self, kind: Kind) -> bool {
        match kind {
            Kind::A | Kind::Aaaa => self.addresses.is_empty(),
            Kind::Other(_) => {
                let of_it = format!("{} ", kind.as_str());
                !self.answers.iter().any(|answer| answer.starts_with(&of_it))
            }
        }
    }

    /// An answer of which nothing is known but that it was cut short.
    const fn truncated() -> Self {
        Self {
            outcome: Outcome::Ok,
            answers: Vec::new(),
            addresses: Vec::new(),
            extended_errors: Vec::new(),
            truncated: true,
            edns_unknown: false,
        }
    }
}

/// A response code by its registered name (IANA, DNS RCODEs).
fn response_code(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::NotAuth => "NOTAUTH".to_owned(),
        ResponseCode::NotZone => "NOTZONE".to_owned(),
        other => u16::from(other).to_string(),
    }
}

fn extended_errors(message: &Message) -> Vec<String> {
    let Some(edns) = &message.edns else {
        return Vec::new();
    };
    edns.options()
        .options
        .iter()
        .filter_map(|(_, option)| match option {
            EdnsOption::Unknown(EXTENDED_ERROR, data) => data.split_first_chunk::<2>(),
            _ => None,
        })
        .take(MOST_EXTENDED_ERRORS)
        .map(|(code, text)| {
            let code = u16::from_be_bytes(*code);
            let text = escape(&String::from_utf8_lossy(text));
            let name = extended_error(code);
            let said = if name.is_empty() {
                format!("extended error {code}")
            } else {
                format!("extended error {code} ({name})")
            };
            if text.is_empty() {
                said
            } else {
                format!("{said}: {text}")
            }
        })
        .collect()
}

/// The registered names of extended errors (RFC 8914 section 4, and the registry it founded).
const fn extended_error(code: u16) -> &'static str {
    match code {
        0 => "Other Error",
        1 => "Unsupported DNSKEY Algorithm",
        2 => "Unsupported DS Digest Type",
        3 => "Stale Answer",
        4 => "Forged Answer",
        5 => "DNSSEC Indeterminate",
        6 => "DNSSEC Bogus",
        7 => "Signature Expired",
        8 => "Signature Not Yet Valid",
        9 => "DNSKEY Missing",
        10 => "RRSIGs Missing",
        11 => "No Zone Key Bit Set",
        12 => "NSEC Missing",
        13 => "Cached Error",
        14 => "Not Ready",
        15 => "Blocked",
        16 => "Censored",
        17 => "Filtered",
        18 => "Prohibited",
        19 => "Stale NXDOMAIN Answer",
        20 => "Not Authoritative",
        21 => "Not Supported",
        22 => "No Reachable Authority",
        23 => "Network Error",
        24 => "Invalid Data",
        25 => "Signature Expired before Valid",
        26 => "Too Early",
        27 => "Unsupported NSEC3 Iterations Value",
        28 => "Unable to conform to policy",
        29 => "Synthesized",
        30 => "Invalid Query Type",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
