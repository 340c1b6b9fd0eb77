//! The statements and expressions of a rule (libnftables-json(5), STATEMENTS and EXPRESSIONS).

use std::net::IpAddr;

use serde_json::Value;

use super::{symbol, unreadable};
use crate::policy::form::{
    Alternative, Change, Family, Field, Key, Map, Mark, Match, Nat, Pattern, Set, Step, Table,
    Transport, Verdict,
};
use crate::policy::packet::number;

/// What kind of values stands in one column of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Those of a field.
    Of(Field),
    /// Of a kind that is not known.
    Opaque,
}

/// The column for a type of a named set (nft(8), DATA TYPES).
pub(super) fn columns_of_type(kind: &str) -> Column {
    Column::Of(match kind {
        "ipv4_addr" => Field::Source4,
        "ipv6_addr" => Field::Source6,
        "inet_service" => Field::SourcePort(Transport::Any),
        "inet_proto" => Field::Protocol,
        "mark" => Field::Mark,
        // The second is by number; its name is written, unless it is gone.
        "ifname" | "iface_index" => Field::Input,
        "icmp_type" => Field::IcmpType4,
        "icmpv6_type" => Field::IcmpType6,
        "icmp_code" => Field::IcmpCode4,
        "icmpv6_code" => Field::IcmpCode6,
        "ether_type" => Field::EtherType,
        "uid" | "gid" => Field::User,
        "ct_state" => Field::State,
        "tcp_flag" => Field::TcpFlags,
        "fib_addrtype" => Field::SourceKind,
        "pkt_type" => Field::FrameKind,
        "nf_proto" => Field::Family,
        _ => return Column::Opaque,
    })
}

/// Adds the steps of a statement.
pub(super) fn statement(statement: &Value, table: &Table, steps: &mut Vec<Step>) {
    let Some((name, of)) = statement
        .as_object()
        .and_then(|object| object.iter().next())
    else {
        // `"notrack"` and others may be plain strings.
        steps.push(match statement.as_str() {
            Some("notrack") => Step::Untrack,
            _ => Step::Opaque,
        });
        return;
    };
    match name.as_str() {
        "match" => steps.push(condition(of)),
        "accept" => steps.push(Step::Verdict(Verdict::Accept)),
        "drop" => steps.push(Step::Verdict(Verdict::Drop)),
        "return" => steps.push(Step::Verdict(Verdict::Return)),
        "continue" => steps.push(Step::Verdict(Verdict::Continue)),
        "jump" | "goto" => steps.push(verdict(name, of).map_or(Step::Opaque, Step::Verdict)),
        "vmap" => steps.push(choice(of)),
        "reject" => reject(of, steps),
        "mangle" => steps.extend(mangle(of)),
        "dnat" | "redirect" | "snat" | "masquerade" => nat(name, of, table, steps),
        "notrack" => steps.push(Step::Untrack),
        "queue" | "tproxy" | "synproxy" | "fwd" => steps.push(Step::Verdict(Verdict::Elsewhere)),
        // They look, count and tell, and change nothing that is looked at here.
        "counter" | "log" | "comment" | "dup" | "flow" | "ct helper" | "ct timeout"
        | "ct expectation" | "secmark" | "last" | "reset" => {}
        // What only counts goes on; what limits may end the rule.
        "limit" | "quota" | "ct count" | "set" | "map" | "meter" => steps.push(Step::Doubt),
        "xt" => steps.push(match of.get("type").and_then(Value::as_str) {
            Some("match") => Step::Doubt,
            _ => Step::Opaque,
        }),
        _ => steps.push(Step::Opaque),
    }
}

fn verdict(name: &str, of: &Value) -> Option<Verdict> {
    let target = || of.get("target").and_then(Value::as_str).map(str::to_owned);
    Some(match name {
        "accept" => Verdict::Accept,
        "drop" => Verdict::Drop,
        "return" => Verdict::Return,
        "continue" => Verdict::Continue,
        "jump" => Verdict::Jump(target()?),
        "goto" => Verdict::Goto(target()?),
        "queue" => Verdict::Elsewhere,
        _ => return None,
    })
}

/// A rejection, with what nft leaves unsaid: a reset answers TCP alone, and an ICMP error its own family.
fn reject(of: &Value, steps: &mut Vec<Step>) {
    let kind = of.get("type").and_then(Value::as_str);
    let what = of.get("expr").map(|what| match what {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    });
    let only = |field, value| Step::Match(Match::one(field, [Pattern::exactly(value)]));
    match kind {
        Some("tcp reset") => steps.push(only(Field::Protocol, 6)),
        Some("icmp") => steps.push(only(Field::Family, 2)),
        Some("icmpv6") => steps.push(only(Field::Family, 10)),
        _ => {}
    }
    let with = match (kind, what) {
        (Some(kind), Some(what)) => format!("{kind} {what}"),
        (Some(kind), None) => kind.to_owned(),
        (None, _) => "icmpx port-unreachable".to_owned(),
    };
    steps.push(Step::Verdict(Verdict::Reject(with)));
}

fn nat(name: &str, of: &Value, table: &Table, steps: &mut Vec<Step>) {
    let family = of
        .get("family")
        .and_then(Value::as_str)
        .and_then(Family::named)
        .or(match table.family {
            Family::Inet => None,
            family => Some(family),
        });
    let port = of
        .get("port")
        .map(|value| pattern(value, Field::DestinationPort(Transport::Any)));
    steps.push(Step::Nat(match name {
        "dnat" => {
            let address = of.get("addr").map(|value| {
                let v6 = value.as_str().is_some_and(|text| text.contains(':'));
                let field = match (family, v6) {
                    (Some(Family::Ip6), _) | (None, true) => Field::Destination6,
                    _ => Field::Destination4,
                };
                pattern(value, field)
            });
            Nat::Destination {
                family,
                address,
                port,
            }
        }
        "redirect" => Nat::Redirect { port },
        _ => Nat::Source { family },
    }));
}

/// A statement that sets something.
fn mangle(of: &Value) -> Option<Step> {
    let key = of.get("key")?;
    let mark = match field(key) {
        Some(Field::Mark) => Change::Packet,
        Some(Field::TrackMark) => Change::Connection,
        _ => {
            let meta = key.get("meta").and_then(|meta| meta.get("key"));
            let ct = key.get("ct").and_then(|ct| ct.get("key"));
            let known = |value: Option<&Value>, names: &[&str]| {
                value
                    .and_then(Value::as_str)
                    .is_some_and(|name| names.contains(&name))
            };
            let payload = key.get("payload").and_then(|payload| payload.get("field"));
            let harmless = known(meta, &["priority", "nftrace", "rtclassid"])
                || known(ct, &["label", "event", "zone", "secmark"])
                || known(
                    payload,
                    &["ttl", "hoplimit", "dscp", "ecn", "flowlabel", "checksum"],
                )
                || key.get("tcp option").is_some();
            return (!harmless).then_some(Step::Opaque);
        }
    };
    let obscure = Mark {
        of: mark,
        keep: 0,
        from: None,
        set: 0,
        obscure: true,
    };
    Some(Step::Mark(
        of.get("value")
            .and_then(|value| marks(value, mark))
            .unwrap_or(obscure),
    ))
}

/// A value made of marks and constants by bits: what stays, what comes from another, what is turned.
fn marks(value: &Value, of: Change) -> Option<Mark> {
    let plain = Mark {
        of,
        keep: 0,
        from: None,
        set: 0,
        obscure: false,
    };
    let from = match field(value) {
        Some(Field::Mark) => Some(Change::Packet),
        Some(Field::TrackMark) => Some(Change::Connection),
        _ => None,
    };
    if let Some(from) = from {
        return Some(if from == of {
            Mark {
                keep: u32::MAX,
                ..plain
            }
        } else {
            Mark {
                from: Some((from, u32::MAX)),
                ..plain
            }
        });
    }
    if let Some(set) = constant(value, Field::Mark).and_then(|set| u32::try_from(set).ok()) {
        return Some(Mark { set, ..plain });
    }
    let (operator, operands) = value.as_object()?.iter().next()?;
    let [left, right] = operands.as_array()?.as_slice() else {
        return None;
    };
    let mut mark = marks(left, of)?;
    let by = u32::try_from(constant(right, Field::Mark)?).ok()?;
    let only = |mark: &mut Mark, bits: u32| {
        mark.keep &= bits;
        mark.from = mark.from.map(|(from, mask)| (from, mask & bits));
        mark.set &= bits;
    };
    match operator.as_str() {
        "&" => only(&mut mark, by),
        "|" => {
            only(&mut mark, !by);
            mark.set |= by;
        }
        "^" => mark.set ^= by,
        _ => return None,
    }
    Some(mark)
}

/// A comparison.
fn condition(of: &Value) -> Step {
    let (Some(left), Some(right)) = (of.get("left"), of.get("right")) else {
        return Step::Doubt;
    };
    let Some(keys) = keys(left) else {
        return Step::Doubt;
    };
    let columns: Vec<Column> = keys.iter().map(|key| Column::Of(key.field)).collect();
    let operator = of.get("op").and_then(Value::as_str).unwrap_or("==");
    let (set, negated) = match operator {
        "==" => (compared(right, &columns), false),
        "!=" => (compared(right, &columns), true),
        "in" | "!" => (bits(right, &keys), operator == "!"),
        "<" | ">" | "<=" | ">=" => (ordered(operator, right, &keys), false),
        _ => (Set::Unknown, false),
    };
    Step::Match(Match {
        any: vec![Alternative { keys, set }],
        negated,
    })
}

fn bits(right: &Value, keys: &[Key]) -> Set {
    let any = match keys {
        [key] => constant(right, key.field),
        _ => None,
    };
    any.map_or(Set::Unknown, |any| {
        Set::Elements(vec![vec![Pattern::AnyBit(any)]])
    })
}

fn ordered(operator: &str, right: &Value, keys: &[Key]) -> Set {
    let value = match keys {
        [key] => constant(right, key.field),
        _ => None,
    };
    let Some(value) = value else {
        return Set::Unknown;
    };
    let range = match operator {
        "<" => value.checked_sub(1).map(|last| (0, last)),
        "<=" => Some((0, value)),
        ">" => value.checked_add(1).map(|first| (first, u128::MAX)),
        _ => Some((value, u128::MAX)),
    };
    Set::Elements(
        range
            .map(|(first, last)| vec![Pattern::Between(first, last)])
            .into_iter()
            .collect(),
    )
}

/// The right side of `==`: a set by name, a set written out, or one value.
fn compared(right: &Value, columns: &[Column]) -> Set {
    if let Some(name) = right.as_str().and_then(|text| text.strip_prefix('@')) {
        return Set::Named(name.to_owned());
    }
    match right.get("set").and_then(Value::as_array) {
        Some(elements) => {
            Set::Elements(elements.iter().map(|each| element(each, columns)).collect())
        }
        None => Set::Elements(vec![element(right, columns)]),
    }
}

fn choice(of: &Value) -> Step {
    let (Some(key), Some(data)) = (of.get("key"), of.get("data")) else {
        return Step::Opaque;
    };
    let Some(keys) = keys(key) else {
        return Step::Opaque;
    };
    let columns: Vec<Column> = keys.iter().map(|key| Column::Of(key.field)).collect();
    let named = data.as_str().and_then(|text| text.strip_prefix('@'));
    let map = match (named, data.get("set").and_then(Value::as_array)) {
        (Some(name), _) => Map::Named(name.to_owned()),
        (None, Some(elements)) => verdicts(elements, &columns),
        (None, None) => Map::Unknown,
    };
    Step::Choose(keys, map)
}

/// The elements of a map to verdicts.
pub(super) fn verdicts(elements: &[Value], columns: &[Column]) -> Map {
    let read = |pair: &Value| {
        let [key, data] = pair.as_array()?.as_slice() else {
            return None;
        };
        let (name, of) = data.as_object()?.iter().next()?;
        Some((element(key, columns), verdict(name, of)?))
    };
    let read: Option<Vec<_>> = elements.iter().map(read).collect();
    read.map_or(Map::Unknown, Map::Elements)
}

/// An element of a set: one pattern for each column.
pub(super) fn element(of: &Value, columns: &[Column]) -> Vec<Pattern> {
    if let Some(inner) = of.get("elem") {
        // With a limit of its own it may not hold.
        let limited = ["limit", "quota", "ct count"]
            .iter()
            .any(|key| inner.get(*key).is_some());
        return match inner.get("val") {
            Some(value) if !limited => element(value, columns),
            _ => unreadable(),
        };
    }
    if of.as_str() == Some("*") && columns != [Column::Of(Field::Input)] {
        return vec![Pattern::Any];
    }
    let each = |value: &Value, column: &Column| match column {
        Column::Of(field) => pattern(value, *field),
        Column::Opaque => Pattern::Unknown,
    };
    match of.get("concat").and_then(Value::as_array) {
        Some(values) if values.len() == columns.len() => values
            .iter()
            .zip(columns)
            .map(|(value, column)| each(value, column))
            .collect(),
        None if columns.len() == 1 => columns.iter().map(|column| each(of, column)).collect(),
        _ => unreadable(),
    }
}

/// One value, a range or a prefix.
fn pattern(of: &Value, field: Field) -> Pattern {
    if let Some(prefix) = of.get("prefix") {
        return read_prefix(prefix, field).unwrap_or(Pattern::Unknown);
    }
    if let Some([first, last]) = of.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        return match (constant(first, field), constant(last, field)) {
            (Some(first), Some(last)) => Pattern::Between(first, last),
            _ => Pattern::Unknown,
        };
    }
    match (of.as_str(), field) {
        (Some(name), Field::Input | Field::Output) => match name.strip_suffix('*') {
            // A star that is meant is written with a backslash.
            Some(start) if !start.ends_with('\\') => Pattern::Prefix(start.to_owned()),
            Some(start) => Pattern::Name(format!("{}*", start.trim_end_matches('\\'))),
            None => Pattern::Name(name.to_owned()),
        },
        _ => constant(of, field).map_or(Pattern::Unknown, Pattern::exactly),
    }
}

fn read_prefix(of: &Value, field: Field) -> Option<Pattern> {
    let first = constant(of.get("addr")?, field)?;
    let length = u32::try_from(of.get("len")?.as_u64()?).ok()?;
    let v6 = matches!(
        field,
        Field::Source6 | Field::Destination6 | Field::OriginalSource6 | Field::OriginalDestination6
    );
    let free = if v6 { 128u32 } else { 32 }.checked_sub(length)?;
    let rest = 1u128.checked_shl(free).map_or(u128::MAX, |bit| bit - 1);
    Some(Pattern::Between(first & !rest, first | rest))
}

/// A constant: a number, a word that stands for one, an address, or several joined by or.
fn constant(of: &Value, field: Field) -> Option<u128> {
    match of {
        Value::Number(number) => number.as_u64().map(u128::from),
        Value::Bool(so) => Some((*so).into()),
        Value::String(word) => match field {
            Field::Source4
            | Field::Destination4
            | Field::OriginalSource4
            | Field::OriginalDestination4
            | Field::Source6
            | Field::Destination6
            | Field::OriginalSource6
            | Field::OriginalDestination6 => word.parse::<IpAddr>().ok().map(number),
            _ => symbol::number(field, word),
        },
        Value::Array(all) => all
            .iter()
            .try_fold(0, |sum, one| Some(sum | constant(one, field)?)),
        Value::Object(object) => match object.get("|").and_then(Value::as_array) {
            Some(all) => all
                .iter()
                .try_fold(0, |sum, one| Some(sum | constant(one, field)?)),
            None => None,
        },
        Value::Null => None,
    }
}

/// The left side: one field, or several side by side.
fn keys(of: &Value) -> Option<Vec<Key>> {
    match of.get("concat").and_then(Value::as_array) {
        Some(parts) => parts.iter().map(key).collect(),
        None => key(of).map(|key| vec![key]),
    }
}

fn key(of: &Value) -> Option<Key> {
    if let Some([inner, mask]) = of.get("&").and_then(Value::as_array).map(Vec::as_slice) {
        let inner = key(inner)?;
        let mask = constant(mask, inner.field)?;
        return Some(Key {
            mask: Some(inner.mask.unwrap_or(u128::MAX) & mask),
            ..inner
        });
    }
    let field = field(of)?;
    // Of the state only the bits that nft has count.
    let mask = (field == Field::State).then_some(Field::STATES);
    Some(Key { field, mask })
}

/// The field that an expression reads; [`Field::Other`] for one that is not known.
fn field(of: &Value) -> Option<Field> {
    let (kind, of) = of.as_object()?.iter().next()?;
    let word = |key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default();
    Some(match kind.as_str() {
        "payload" => payload(word("protocol"), word("field")),
        "meta" => meta(of.as_str().unwrap_or(word("key"))),
        "ct" => tracked(word("key"), word("dir")),
        "fib" => fib(word("result"), of.get("flags")),
        "exthdr" if of.get("field").is_none() => Field::Extension,
        "exthdr" => Field::ExtensionField,
        "&" | "|" | "^" | "<<" | ">>" | "concat" | "prefix" | "range" | "set" | "map" => {
            return None;
        }
        _ => Field::Other,
    })
}

fn payload(protocol: &str, field: &str) -> Field {
    let transport = match protocol {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        "th" => Transport::Any,
        _ => Transport::Other,
    };
    match (protocol, field) {
        ("ip", "saddr") => Field::Source4,
        ("ip", "daddr") => Field::Destination4,
        ("ip6", "saddr") => Field::Source6,
        ("ip6", "daddr") => Field::Destination6,
        ("ip", "protocol") => Field::Protocol4,
        ("ip6", "nexthdr") => Field::Protocol6,
        ("ip", "frag-off") => Field::FragmentOffset,
        ("icmp", "type") => Field::IcmpType4,
        ("icmp", "code") => Field::IcmpCode4,
        ("icmpv6", "type") => Field::IcmpType6,
        ("icmpv6", "code") => Field::IcmpCode6,
        ("tcp", "flags") => Field::TcpFlags,
        ("tcp" | "udp" | "th" | "sctp" | "dccp" | "udplite", "sport") => {
            Field::SourcePort(transport)
        }
        ("tcp" | "udp" | "th" | "sctp" | "dccp" | "udplite", "dport") => {
            Field::DestinationPort(transport)
        }
        _ => Field::Other,
    }
}

fn meta(key: &str) -> Field {
    match key {
        "l4proto" => Field::Protocol,
        "nfproto" => Field::Family,
        "protocol" => Field::EtherType,
        "mark" => Field::Mark,
        "iif" | "iifname" => Field::Input,
        "oif" | "oifname" => Field::Output,
        "skuid" => Field::User,
        "skgid" => Field::Group,
        "pkttype" => Field::FrameKind,
        _ => Field::Other,
    }
}

fn tracked(key: &str, direction: &str) -> Field {
    match (key, direction) {
        ("state", _) => Field::State,
        ("status", _) => Field::Status,
        ("direction", _) => Field::Direction,
        ("mark", _) => Field::TrackMark,
        ("ip saddr", "original") => Field::OriginalSource4,
        ("ip daddr", "original") => Field::OriginalDestination4,
        ("ip6 saddr", "original") => Field::OriginalSource6,
        ("ip6 daddr", "original") => Field::OriginalDestination6,
        ("proto-dst", "original") => Field::OriginalDestinationPort,
        _ => Field::Other,
    }
}

fn fib(result: &str, flags: Option<&Value>) -> Field {
    let flags: Vec<&str> = match flags {
        Some(Value::Array(flags)) => flags.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(flag)) => vec![flag],
        _ => Vec::new(),
    };
    match (result, flags.as_slice()) {
        ("type", ["saddr"]) => Field::SourceKind,
        ("type", ["daddr"]) => Field::DestinationKind,
        ("oif" | "oifname", ["saddr", rest @ ..])
            if rest.contains(&"iif") && rest.iter().all(|flag| matches!(*flag, "iif" | "mark")) =>
        {
            Field::RouteBack
        }
        _ => Field::Other,
    }
}
