//! What was typed → [`Target`]. Total: any text gives a target or says what is wrong with it and what was expected.
//!
//! Secrets go first: a URI's userinfo and the values of its query are taken out of the text before anything else looks at it, so that
//! neither a target nor a complaint about one can hold them.

mod host;
mod machine;

use thiserror::Error;
use url::Url;

use super::{Kind, Protocol, Target, scheme};
use crate::model::{Address, text};
use host::{authority, example_port, meant, name, with_port};

/// The longest target that is read at all: what is longer is no target, and is not repeated.
const LONGEST_INPUT: usize = 4096;

/// Why a text is no target: what is wrong, what was expected, and an example, of the user's own words where that helps.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}; expected {expected}, e.g. {example}")]
pub struct Invalid {
    /// The text, safe to show and without secrets.
    pub input: String,
    /// What is wrong with it.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// An example that would be right.
    pub example: String,
}

/// What is wrong with a part of a target; the whole that it is part of is added by [`Target::parse`].
struct Wrong {
    what: String,
    expected: String,
    example: String,
}

type Part<T> = Result<T, Wrong>;

fn wrong<T>(
    what: impl Into<String>,
    expected: impl Into<String>,
    example: impl Into<String>,
) -> Part<T> {
    Err(Wrong {
        what: what.into(),
        expected: expected.into(),
        example: example.into(),
    })
}

impl Target {
    /// Reads a target. Without a protocol the text decides: an http or https URI is HTTP, what has a port is TCP, all else ICMP.
    ///
    /// # Errors
    /// Says what is wrong with the text and what was expected.
    pub fn parse(input: &str, protocol: Option<Protocol>) -> Result<Self, Invalid> {
        let shown = text::escape(&without_secrets(input));
        read(input, protocol).map_err(|wrong| Invalid {
            input: shown,
            what: wrong.what,
            expected: wrong.expected,
            example: wrong.example,
        })
    }

    /// Reads a name as it stands in a target: to ASCII and lower case; a final dot is kept. No address.
    ///
    /// # Errors
    /// Says what is wrong with the text and what was expected.
    pub fn parse_name(input: &str) -> Result<String, Invalid> {
        name(input).map_err(|wrong| Invalid {
            input: text::escape(input),
            what: wrong.what,
            expected: wrong.expected,
            example: wrong.example,
        })
    }
}

fn read(input: &str, protocol: Option<Protocol>) -> Part<Target> {
    if input.is_empty() {
        return wrong("it is empty", "a host and a port", "db.example:5432");
    }
    if input.len() > LONGEST_INPUT {
        return wrong(
            "it is too long",
            format!("at most {LONGEST_INPUT} bytes"),
            "db.example:5432",
        );
    }
    if input.starts_with('-') {
        return wrong(
            "it starts with `-`",
            "a host and a port, after the options",
            "db.example:5432",
        );
    }
    if let Some(c) = input
        .chars()
        .find(|c| c.is_whitespace() || text::deceives(*c))
    {
        let what = if c.is_whitespace() && !c.is_control() {
            "it contains white space".to_owned()
        } else {
            format!("it contains the character U+{:04X}", u32::from(c))
        };
        return wrong(what, "a host and a port", "db.example:5432");
    }
    if let Some(rest) = machine::named(input) {
        return machine::read(input, rest, protocol);
    }
    match input.split_once("://") {
        Some((scheme, _)) => uri(input, &scheme.to_ascii_lowercase(), protocol),
        None => plain(input, protocol),
    }
}

/// `host:port`, `address:port`, `[address]:port`, or a host alone where the protocol has no ports.
fn plain(input: &str, protocol: Option<Protocol>) -> Part<Target> {
    if input.contains('@') {
        return wrong(
            "it has a user before `@`",
            "a host and a port alone",
            without_user(input),
        );
    }
    if input.contains('/') {
        let host = input.split('/').next().unwrap_or_default();
        return match host.parse::<Address>() {
            Ok(address) => wrong(
                "it is a prefix",
                "one address and a port",
                with_port(&address.to_string(), 443),
            ),
            Err(_) => wrong(
                "it has a path but no scheme",
                "a URI, or a host and a port",
                format!("https://{input}"),
            ),
        };
    }
    let (host, port) = authority(input)?;
    let protocol = protocol.unwrap_or(if port.is_some() {
        Protocol::Tcp
    } else {
        Protocol::Icmp
    });
    let (kind, host) = host;
    let port = match (protocol, port) {
        (Protocol::Tcp | Protocol::Udp, None) => {
            return wrong(
                "it has no port",
                "a host and a port",
                meant(input).unwrap_or_else(|| with_port(&host, example_port(&host))),
            );
        }
        (Protocol::Icmp | Protocol::Dns, Some(_)) => {
            return wrong(
                format!(
                    "it has a port, and {} takes none",
                    protocol.name().to_lowercase()
                ),
                "a host",
                host,
            );
        }
        (Protocol::Http, _) => {
            return wrong("it is no URI", "a URI", format!("https://{input}/"));
        }
        (_, port) => port,
    };
    Ok(Target {
        input: input.to_owned(),
        kind,
        protocol,
        host,
        port,
        uri: None,
    })
}

/// `scheme://host[:port][/path][?query]`.
fn uri(typed: &str, scheme: &str, protocol: Option<Protocol>) -> Part<Target> {
    let input = without_secrets(typed);
    let named = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !named {
        return wrong(
            "it is no URI: what stands before `://` is no scheme",
            "a scheme",
            "https://web.example/",
        );
    }
    if input.contains('\\') {
        return wrong("it contains `\\`", "a URI", "https://web.example/");
    }
    let after = input.get(scheme.len() + 3..).unwrap_or_default();
    let end = after.find(['/', '?']).unwrap_or(after.len());
    let (place, rest) = after.split_at(end);
    let example = || format!("{scheme}://web.example/");
    if place.is_empty() {
        return wrong("it has no host", "a URI with a host", example());
    }
    let ((_, host), port) = authority(&place.replace("%25", "%"))?;
    let known = scheme::port(scheme);
    let Some(number) = port.or(known) else {
        return wrong(
            format!("the port of the scheme `{scheme}` is not known, and the URI names none"),
            "a port in the URI",
            format!("{scheme}://{}", with_port(&host, 443)),
        );
    };
    // The host has been read above; only path and query are left to the parser, behind a host that it can't stumble over.
    let Ok(parsed) = Url::parse(&format!("{scheme}://host{rest}")) else {
        return wrong("its path or query is no URI's", "a URI", example());
    };
    let mut place = if host.contains(':') {
        format!("[{}]", host.replace('%', "%25"))
    } else {
        host.clone()
    };
    if port.is_some() && port != known {
        place = format!("{place}:{number}");
    }
    let query = parsed
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let web = matches!(scheme, "http" | "https");
    let protocol = protocol.unwrap_or(if web { Protocol::Http } else { Protocol::Tcp });
    Ok(Target {
        kind: Kind::Uri,
        protocol,
        host,
        port: Some(number),
        uri: Some(format!("{scheme}://{place}{}{query}", parsed.path())),
        input,
    })
}

/// `user:password@host:22` → `host:22`.
fn without_user(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, after)| after)
}

/// What was typed, without what a report must never hold: userinfo, values of a query, the fragment. Any text has such a form.
pub fn without_secrets(input: &str) -> String {
    let Some((scheme, after)) = input.split_once("://") else {
        return without_user(input).to_owned();
    };
    let after = after.split('#').next().unwrap_or_default();
    let end = after.find(['/', '?', '\\']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let mut clean = format!(
        "{}://{}{path}",
        without_user(scheme),
        without_user(authority)
    );
    if let Some(query) = query {
        let parts: Vec<String> = query
            .split('&')
            .map(|part| match part.split_once('=') {
                Some((key, _)) => format!("{key}=***"),
                None if part.is_empty() => String::new(),
                // A value without a key: a token, as likely as not.
                None => "***".to_owned(),
            })
            .collect();
        clean.push('?');
        clean.push_str(&parts.join("&"));
    }
    clean
}

#[cfg(test)]
mod tests;
