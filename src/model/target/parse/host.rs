//! `host[:port]`: addresses with and without brackets, names, ports.

use super::{Part, Wrong, wrong};
use crate::model::target::{Kind, scheme};
use crate::model::{Address, text};

/// The longest name that DNS carries, without the final dot (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;
/// The longest label.
const LONGEST_LABEL: usize = 63;
/// Splits `host[:port]`; the host is an address or a name, and says which.
pub(super) fn authority(text: &str) -> Part<((Kind, String), Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((inside, after)) = rest.split_once(']') else {
            return wrong(
                "the bracket `[` is not closed",
                "an IPv6 address in brackets",
                "[2001:db8::1]:443",
            );
        };
        let address = bracketed(inside, after)?;
        return match after.strip_prefix(':') {
            Some(digits) => Ok((address, Some(port(digits, text)?))),
            None if after.is_empty() => Ok((address, None)),
            None => wrong(
                "something other than a port follows the bracket `]`",
                "`:` and a port",
                format!("[{inside}]:443"),
            ),
        };
    }
    if text.contains(['[', ']']) {
        return wrong(
            "it has a stray bracket",
            "brackets around an IPv6 address only",
            "[2001:db8::1]:443",
        );
    }
    if text.matches(':').count() > 1 {
        return bare_ipv6(text);
    }
    match text.split_once(':') {
        None => Ok((host(text)?, None)),
        Some((name, digits)) => {
            // A port that is wrong is told with the host as it was typed, a host that is wrong with the port.
            let read = host(name);
            let number = port(digits, text);
            Ok((
                read.map_err(|wrong| completed(wrong, digits))?,
                Some(number?),
            ))
        }
    }
}

/// Gives an example of a host the port that was typed.
fn completed(wrong: Wrong, digits: &str) -> Wrong {
    let port = if digits.parse::<u16>().is_ok() {
        digits
    } else {
        "443"
    };
    Wrong {
        example: format!("{}:{port}", wrong.example),
        ..wrong
    }
}

fn bracketed(inside: &str, after: &str) -> Part<(Kind, String)> {
    let tail = if after.is_empty() { ":443" } else { after };
    match address(inside) {
        Some(address) if address.is_ipv6() => usable(&address),
        // `::ffff:192.0.2.1` is IPv4 in IPv6 clothes.
        Some(address) if inside.contains(':') => usable(&address),
        Some(address) => wrong(
            "it has brackets around an IPv4 address",
            "the address without brackets",
            format!("{address}{tail}"),
        ),
        None if inside.is_empty() => wrong(
            "nothing is between the brackets",
            "an IPv6 address",
            "[2001:db8::1]:443",
        ),
        None if !inside.contains(':') => wrong(
            "it has brackets around what is no IPv6 address",
            "a name without brackets",
            format!("{inside}{tail}"),
        ),
        None => wrong(
            format!("`{}` is no IPv6 address", text::escape(inside)),
            "an IPv6 address in brackets",
            "[2001:db8::1]:443",
        ),
    }
}

/// An IPv6 address without brackets: it has no port, for its colons would not tell where the port begins.
fn bare_ipv6(text: &str) -> Part<((Kind, String), Option<u16>)> {
    match (address(text), meant(text)) {
        (Some(address), _) if !in_zone(text) => {
            let (kind, host) = usable(&address)?;
            Ok(((kind, host), None))
        }
        (_, Some(meant)) => wrong(
            "the port of an IPv6 address can't be told from the address",
            "the address in brackets",
            meant,
        ),
        _ => wrong(
            format!(
                "`{}` is no IPv6 address, and has more than one `:`",
                text::escape(text)
            ),
            "a host and a port",
            "db.example:5432 or [2001:db8::1]:443",
        ),
    }
}

/// What was meant by an IPv6 address and a port without brackets: `2001:db8::1:443` is an address too, and mostly not what was meant.
pub(super) fn meant(text: &str) -> Option<String> {
    let (before, digits) = text.rsplit_once(':')?;
    let address = address(before).filter(Address::is_ipv6)?;
    let number = port(digits, text).ok()?;
    Some(format!("[{address}]:{number}"))
}

/// Whether a colon stands in the scope: `fe80::1%eth0:22`.
fn in_zone(text: &str) -> bool {
    text.split_once('%')
        .is_some_and(|(_, zone)| zone.contains(':'))
}

/// An address; a scope stands on an IPv6 address only, and never has brackets.
fn address(text: &str) -> Option<Address> {
    text.parse::<Address>().ok().filter(|address| {
        address
            .zone()
            .is_none_or(|zone| address.is_ipv6() && !zone.contains(['[', ']', '?', '#', '@', '\\']))
    })
}

/// An address that a host can have.
fn usable(address: &Address) -> Part<(Kind, String)> {
    let ip = address.ip();
    let broadcast = matches!(ip, std::net::IpAddr::V4(v4) if v4.is_broadcast());
    if ip.is_unspecified() {
        let own = if address.is_ipv6() {
            "[::1]:443"
        } else {
            "127.0.0.1:443"
        };
        return wrong(
            format!("{address} stands for all addresses of this machine"),
            "one address",
            own,
        );
    }
    if ip.is_multicast() || broadcast {
        let what = if broadcast { "broadcast" } else { "multicast" };
        return wrong(
            format!("{address} is a {what} address"),
            "the address of one host",
            "192.0.2.7:443",
        );
    }
    Ok((Kind::Ip, address.to_string()))
}

/// An IPv4 address or a name.
fn host(text: &str) -> Part<(Kind, String)> {
    match address(text) {
        Some(address) => usable(&address),
        None => Ok((Kind::Fqdn, name(text)?)),
    }
}

/// A name, in ASCII and lower case.
pub(super) fn name(typed: &str) -> Part<String> {
    let expected = "a name of labels with a dot between them";
    if typed.is_empty() {
        return wrong("it has no host", "a host", "db.example");
    }
    if typed.starts_with('-') {
        return wrong("the name starts with `-`", "a name", "db.example");
    }
    let ascii = if typed.is_ascii() {
        typed.to_ascii_lowercase()
    } else {
        match idna::domain_to_ascii(typed) {
            Ok(ascii) => ascii,
            Err(_) => {
                return wrong(
                    format!(
                        "`{}` is no internationalised name (IDNA, UTS 46)",
                        text::escape(typed)
                    ),
                    "letters, digits, `-` and `_`",
                    "bücher.example",
                );
            }
        }
    };
    let relative = ascii.strip_suffix('.').unwrap_or(&ascii);
    let labels: Vec<&str> = relative.split('.').collect();
    if labels.iter().any(|label| label.is_empty()) {
        let joined: Vec<&str> = labels
            .iter()
            .copied()
            .filter(|label| !label.is_empty())
            .collect();
        let example = if joined.is_empty() {
            "db.example".to_owned()
        } else {
            joined.join(".")
        };
        return wrong(
            "the name has an empty label (two dots, or a dot first)",
            expected,
            example,
        );
    }
    // What ends in a number is an address to every resolver, and here it is none (WHATWG URL, "ends in a number").
    if labels.last().is_some_and(|last| numeric(last)) {
        return wrong(
            format!("`{}` is no IPv4 address", text::escape(typed)),
            "four numbers from 0 to 255",
            "192.0.2.7",
        );
    }
    if let Some(c) = relative
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        return wrong(
            format!("the name contains `{c}`"),
            "letters, digits, `-` and `_`",
            "db-1.example",
        );
    }
    if ascii.starts_with('-') {
        return wrong("the name starts with `-`", "a name", "db.example");
    }
    if let Some(label) = labels.iter().find(|label| label.len() > LONGEST_LABEL) {
        return wrong(
            format!("a label of the name has {} characters", label.len()),
            format!("at most {LONGEST_LABEL} between two dots"),
            "db.example",
        );
    }
    if relative.len() > LONGEST_NAME {
        return wrong(
            format!("the name has {} characters", relative.len()),
            format!("at most {LONGEST_NAME}"),
            "db.example",
        );
    }
    Ok(ascii)
}

/// Whether a label is a number, decimal or hexadecimal.
fn numeric(label: &str) -> bool {
    let hex = label
        .strip_prefix("0x")
        .is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit()));
    hex || label.chars().all(|c| c.is_ascii_digit())
}

/// A port; `whole` is what it was typed in, for the example.
pub(super) fn port(digits: &str, whole: &str) -> Part<u16> {
    let head = whole
        .strip_suffix(digits)
        .unwrap_or(whole)
        .trim_end_matches(':');
    let example = |number: u16| format!("{}:{number}", text::escape(head));
    let expected = "a number from 1 to 65535";
    if digits.is_empty() {
        return wrong(
            "no port follows the `:`",
            expected,
            example(example_port(head)),
        );
    }
    if !digits.chars().all(|c| c.is_ascii_digit()) {
        let number = scheme::port(&digits.to_ascii_lowercase());
        return wrong(
            format!("the port `{}` is not a number", text::escape(digits)),
            expected,
            example(number.unwrap_or(443)),
        );
    }
    match digits.parse::<u16>() {
        Ok(0) => wrong("port 0 is no port to connect to", expected, example(443)),
        Ok(number) => Ok(number),
        Err(_) => wrong(
            format!("the port {} is too large", text::escape(digits)),
            expected,
            example(443),
        ),
    }
}

/// The port that a host's name speaks of: `db.example` → 5432 is only an example, and 443 the likeliest elsewhere.
pub(super) fn example_port(host: &str) -> u16 {
    host.split(['.', '-']).find_map(scheme::port).unwrap_or(443)
}

pub(super) fn with_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
