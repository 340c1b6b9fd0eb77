//! `vm:NAME[:port]`, `vm:PROVIDER/NAME[:port]`, and full ids of clouds, with or without `vm:` before them.

use super::host::port;
use super::{Part, wrong};
use crate::model::machine::{Provider, Wanted};
use crate::model::target::{Kind, Protocol, Target};
use crate::model::text;

/// The longest name or id that is read; a full id of Azure's has up to about 350 characters.
const LONGEST: usize = 512;

/// What stands for the machine, with its port, where the text is such a target. `vm:22` is the host `vm`.
pub(super) fn named(input: &str) -> Option<&str> {
    if let Some(rest) = input.strip_prefix("vm:") {
        return rest.parse::<u16>().is_err().then_some(rest);
    }
    let is_id = !input.contains("://") && Wanted::is_full(split(input).0);
    is_id.then_some(input)
}

/// Machine and port.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        // The last part of a resource name of AWS follows a colon, too.
        Some((machine, digits)) if !Wanted::is_full(text) => (machine, Some(digits)),
        _ => (text, None),
    }
}

/// Reads such a target.
pub(super) fn read(input: &str, rest: &str, protocol: Option<Protocol>) -> Part<Target> {
    if rest.len() > LONGEST {
        return wrong(
            "its name is too long",
            format!("at most {LONGEST} bytes"),
            "vm:web:22",
        );
    }
    if rest.contains('@') {
        let after = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
        return wrong(
            "it has a user before `@`",
            "the machine's name alone",
            format!("vm:{after}"),
        );
    }
    let (machine, digits) = split(rest);
    checked(machine)?;
    let number = digits.map(|digits| port(digits, input)).transpose()?;
    let protocol = protocol.unwrap_or(if number.is_some() {
        Protocol::Tcp
    } else {
        Protocol::Icmp
    });
    match (protocol, number) {
        (Protocol::Tcp | Protocol::Udp, None) => wrong(
            "it has no port",
            "a machine and a port",
            format!("vm:{machine}:22"),
        ),
        (Protocol::Icmp, Some(_)) => wrong(
            "it has a port, and icmp takes none",
            "a machine",
            format!("vm:{machine}"),
        ),
        (Protocol::Dns, _) => wrong(
            "its name is asked of who runs the machine, and not of DNS",
            "a name of DNS",
            "db.example",
        ),
        (Protocol::Http, _) => wrong("it is no URI", "a URI", "https://web.example/"),
        (protocol, port) => Ok(Target {
            input: input.to_owned(),
            kind: Kind::Vm,
            protocol,
            host: machine.to_owned(),
            port,
            uri: None,
        }),
    }
}

/// Whether a machine may go by this name: programs are given it as a word of their own, so that it must not look like an option, and as a
/// part of a filter, so that no character may mean something there.
fn checked(machine: &str) -> Part<()> {
    let example = "vm:web:22";
    if machine.is_empty() {
        return wrong("it names no machine", "the name of a machine", example);
    }
    let is_id = Wanted::is_full(machine);
    let mut parts: Vec<&str> = machine.split('/').collect();
    if !is_id && parts.len() > 1 {
        let word = parts.remove(0);
        if Provider::named(word).is_none() {
            let known: Vec<&str> = Provider::ALL.iter().map(|known| known.word()).collect();
            return wrong(
                format!(
                    "nobody called `{}` knows machines by name",
                    text::escape(word)
                ),
                format!(
                    "{} or the full id of a cloud before the name",
                    known.join(", ")
                ),
                "vm:docker/web:22",
            );
        }
        if parts.len() > 1 {
            return wrong(
                "its name contains `/`",
                "a name after the provider",
                "vm:docker/web:22",
            );
        }
    }
    if parts.iter().any(|part| part.starts_with('-')) {
        return wrong(
            "its name starts with `-`, which a program would take for an option",
            "the name of a machine",
            example,
        );
    }
    let admitted = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '-' | '_' | '.' | '+')
            || (is_id && matches!(c, ':' | '(' | ')'))
    };
    let strange = parts
        .iter()
        .flat_map(|part| part.chars())
        .find(|c| !admitted(*c));
    match strange {
        None if parts.last().is_some_and(|name| !name.is_empty()) => Ok(()),
        None => wrong("it names no machine", "the name of a machine", example),
        Some(c) => wrong(
            format!("its name contains `{}`", text::escape(&c.to_string())),
            "a name of letters, digits, `-`, `_`, `.` and `+`",
            example,
        ),
    }
}
