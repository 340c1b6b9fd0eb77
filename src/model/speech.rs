//! What speaks on a port: protocols that are known by the first bytes which a server sends unasked, and what a URI's scheme lets expect.

pub mod banner;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Ms;

/// A protocol whose servers can be told by the first bytes that they send unasked.
///
/// PostgreSQL, RDP and others whose servers wait for the client are none: nothing can be seen of them without sending.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Speech {
    /// SSH (RFC 4253 section 4.2).
    Ssh,
    /// SMTP (RFC 5321 section 4.2): the greeting says so.
    Smtp,
    /// FTP (RFC 959 section 5.4): the greeting says so.
    Ftp,
    /// A greeting that both SMTP and FTP may have (`220 ready`).
    SmtpOrFtp,
    /// POP3 (RFC 1939 section 4).
    Pop3,
    /// IMAP (RFC 9051 section 7.1).
    Imap,
    /// The initial packet of a `MySQL` or `MariaDB` server.
    Mysql,
    /// VNC (RFC 6143 section 7.1.1).
    Vnc,
    /// The rsync daemon.
    Rsync,
    /// Subversion's own protocol (`svnserve`).
    Svn,
    /// NATS.
    Nats,
    /// Redis, which only speaks unasked to turn a client away.
    Redis,
    /// An answer of HTTP/1 that nobody asked for: a time-out, or a refusal.
    Http,
    /// HTTP/2 without TLS: a server's preface (RFC 9113 section 3.4), as of gRPC.
    Http2,
    /// A TLS alert (RFC 8446 section 6).
    Tls,
    /// Telnet's negotiation of options (RFC 854).
    Telnet,
}

impl Speech {
    /// As it stands in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ssh => "SSH",
            Self::Smtp => "SMTP",
            Self::Ftp => "FTP",
            Self::SmtpOrFtp => "SMTP or FTP",
            Self::Pop3 => "POP3",
            Self::Imap => "IMAP",
            Self::Mysql => "MySQL",
            Self::Vnc => "VNC",
            Self::Rsync => "rsync",
            Self::Svn => "Subversion",
            Self::Nats => "NATS",
            Self::Redis => "Redis",
            Self::Http => "HTTP",
            Self::Http2 => "HTTP/2 without TLS",
            Self::Tls => "TLS",
            Self::Telnet => "Telnet",
        }
    }

    /// The scheme of a URI for it; none where it can't be told, or has none.
    pub const fn scheme(self) -> Option<&'static str> {
        Some(match self {
            Self::Ssh => "ssh",
            Self::Smtp => "smtp",
            Self::Ftp => "ftp",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
            Self::Mysql => "mysql",
            Self::Vnc => "vnc",
            Self::Rsync => "rsync",
            Self::Svn => "svn",
            Self::Nats => "nats",
            Self::Redis => "redis",
            Self::Http => "http",
            Self::Telnet => "telnet",
            Self::SmtpOrFtp | Self::Http2 | Self::Tls => return None,
        })
    }
}

/// What a server said first, unasked. Untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Banner {
    /// The protocol, where it is known by sight.
    pub protocol: Option<Speech>,
    /// The line that says so, else the first one; of `MySQL` the server's version. What could deceive a reader is written as `\u{…}`, and
    /// it is cut after 128 characters. Null where there is no text in it.
    pub text: Option<String>,
}

/// How a server greets that a URI asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    /// In which protocol.
    pub protocol: Speech,
    /// It greets within TLS, so that nothing comes before the client has spoken.
    pub in_tls: bool,
    /// Silence for so long is none of a server that works. Mail servers alone have a bound that is written down: a client is to wait 5
    /// minutes (RFC 5321 section 4.5.3.2.1), and those that let senders of spam give up first use some of it. Of all others it is over what
    /// reverse look-ups with a name server that does not answer usually cost before the greeting (`resolv.conf(5)`: 5 s, twice).
    pub patience: Ms,
}

/// How the servers of a scheme greet; none for those that wait for the client, and for Telnet's, which need not speak first.
pub fn greeting(scheme: &str) -> Option<Greeting> {
    let (protocol, in_tls) = match scheme {
        "ssh" | "sftp" => (Speech::Ssh, false),
        "smtp" | "submission" => (Speech::Smtp, false),
        "smtps" => (Speech::Smtp, true),
        "ftp" => (Speech::Ftp, false),
        "ftps" => (Speech::Ftp, true),
        "pop3" => (Speech::Pop3, false),
        "pop3s" => (Speech::Pop3, true),
        "imap" => (Speech::Imap, false),
        "imaps" => (Speech::Imap, true),
        "mysql" => (Speech::Mysql, false),
        "vnc" => (Speech::Vnc, false),
        "rsync" => (Speech::Rsync, false),
        "svn" => (Speech::Svn, false),
        "nats" => (Speech::Nats, false),
        _ => return None,
    };
    let patience = match protocol {
        Speech::Smtp => Ms::from_millis(300_000),
        _ => Ms::from_millis(20_000),
    };
    Some(Greeting {
        protocol,
        in_tls,
        patience,
    })
}

impl Greeting {
    /// Whether this is another protocol than the one that was asked for; none where that can't be told.
    ///
    /// Within TLS nothing comes unasked but an alert. A multiplexer (`sslh`) may hand on to SSH what stays silent: that is no proof there.
    pub fn contradicted_by(self, seen: Speech) -> Option<bool> {
        match (self.in_tls, seen) {
            (true, Speech::Tls) => Some(false),
            (true, Speech::Ssh) => None,
            (true, _) => Some(true),
            (false, Speech::SmtpOrFtp) if matches!(self.protocol, Speech::Smtp | Speech::Ftp) => {
                None
            }
            (false, seen) => Some(seen != self.protocol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_that_two_protocols_share_contradicts_neither() {
        let of = |scheme| greeting(scheme).unwrap();
        assert_eq!(of("smtp").contradicted_by(Speech::SmtpOrFtp), None);
        assert_eq!(of("ftp").contradicted_by(Speech::SmtpOrFtp), None);
        assert_eq!(of("ssh").contradicted_by(Speech::SmtpOrFtp), Some(true));
        assert_eq!(of("smtp").contradicted_by(Speech::Ftp), Some(true));
        assert_eq!(of("smtp").contradicted_by(Speech::Smtp), Some(false));
    }

    #[test]
    fn a_plain_greeting_is_none_of_tls() {
        let smtps = greeting("smtps").unwrap();
        assert_eq!(smtps.contradicted_by(Speech::Smtp), Some(true));
        assert_eq!(smtps.contradicted_by(Speech::Tls), Some(false));
        assert_eq!(smtps.contradicted_by(Speech::Ssh), None);
    }

    #[test]
    fn servers_that_wait_for_the_client_are_not_expected_to_greet() {
        for scheme in [
            "https", "postgres", "rdp", "redis", "telnet", "ldap", "xmpp",
        ] {
            assert_eq!(greeting(scheme), None, "{scheme}");
        }
    }
}
