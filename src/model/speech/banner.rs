//! Which protocol speaks, by the first bytes that a server sends unasked.
//!
//! Pure and total: at most [`LONGEST`] bytes are looked at, no length field is trusted, and what is not known by sight is not guessed at.
//! Where two protocols begin alike (SMTP and FTP: `220`; POP3 and Redis: `-ERR`) they are told apart by proof or not at all.
//!
//! | protocol | first bytes | source |
//! |---|---|---|
//! | SSH | a line `SSH-2.0-…` or `SSH-1.…`, others may come before it | RFC 4253 section 4.2 |
//! | SMTP | `220 domain … ESMTP`; `554` | RFC 5321 sections 3.1, 4.2, 4.3.1 |
//! | FTP | `220 … FTP …`, `120`, `421` | RFC 959 section 5.4 |
//! | POP3 | `+OK` | RFC 1939 section 4 |
//! | IMAP | `* OK`, `* PREAUTH`, `* BYE` | RFC 9051 sections 7.1.1, 7.1.4, 7.1.5 |
//! | `MySQL` | a packet numbered 0 with protocol version 10 or 9, or an error | "Client/Server Protocol", `Protocol::HandshakeV10`, `ERR_Packet` |
//! | VNC | `RFB ddd.ddd` | RFC 6143 section 7.1.1 |
//! | rsync | `@RSYNCD: ` | rsync `clientserver.c` (`exchange_protocols`) |
//! | Subversion | `( success (` | Subversion `libsvn_ra_svn/protocol` section 2 |
//! | NATS | `INFO {` | NATS client protocol, INFO |
//! | Redis | `-DENIED `, `-ERR max number of clients` | Redis `networking.c` (`acceptCommonHandler`) |
//! | HTTP/1 | `HTTP/1.d ddd` | RFC 9112 section 4 |
//! | HTTP/2 | an empty or plain SETTINGS frame of stream 0 | RFC 9113 sections 3.4, 6.5 |
//! | TLS | an alert of two bytes | RFC 8446 sections 5.1, 6 |
//! | Telnet | IAC WILL, WONT, DO, DONT | RFC 854 |

use super::{Banner, Speech};
use crate::model::text::deceives;

/// More bytes than this are not looked at.
pub const LONGEST: usize = 1024;
/// More characters than this are not kept of a line.
const LONGEST_TEXT: usize = 128;

/// What a server says with its first bytes.
pub fn read(bytes: &[u8]) -> Banner {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let protocol = sight(bytes);
    let line = match protocol {
        Some(Speech::Mysql) => mysql_text(bytes),
        // These are no text.
        Some(Speech::Http2 | Speech::Tls | Speech::Telnet) => None,
        Some(Speech::Ssh) => lines(bytes).find(|line| is_ssh(line)),
        _ => lines(bytes).find(|line| !line.is_empty()),
    };
    Banner {
        protocol,
        text: line.map(text).filter(|text| !text.is_empty()),
    }
}

/// Whether there is no need to wait for more: a whole line has come, or as much as is looked at.
pub fn is_whole(bytes: &[u8]) -> bool {
    bytes.len() >= LONGEST
        || match sight(bytes) {
            Some(Speech::Mysql | Speech::Tls | Speech::Telnet | Speech::Http2) => true,
            // What comes before SSH's own line is not what tells.
            Some(_) => bytes.contains(&b'\n'),
            None => false,
        }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
}

fn text(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let mut text = String::new();
    for (count, c) in line.trim().chars().enumerate() {
        if count == LONGEST_TEXT {
            text.push('…');
            break;
        }
        if deceives(c) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

fn sight(bytes: &[u8]) -> Option<Speech> {
    if lines(bytes).any(is_ssh) {
        return Some(Speech::Ssh);
    }
    let begins = |with: &[u8]| bytes.starts_with(with);
    match bytes {
        [b'*', b' ', rest @ ..] if is_imap(rest) => Some(Speech::Imap),
        [b'+', b'O', b'K'] | [b'+', b'O', b'K', b' ' | b'\r' | b'\n', ..] => Some(Speech::Pop3),
        _ if is_like(bytes, b"RFB ddd.ddd\n") => Some(Speech::Vnc),
        _ if is_like(bytes, b"HTTP/1.d ddd") => Some(Speech::Http),
        // Content type 21, version 3.x, two bytes, a level of warning or fatal.
        [21, 3, 0..=4, 0, 2, 1 | 2, _] => Some(Speech::Tls),
        // Length, type 4, no flag, stream 0: settings have six bytes each.
        [0, 0, length, 4, 0, 0, 0, 0, 0, ..] if length % 6 == 0 => Some(Speech::Http2),
        [255, 251..=254, _, ..] => Some(Speech::Telnet),
        _ if begins(b"@RSYNCD: ") => Some(Speech::Rsync),
        _ if begins(b"( success (") => Some(Speech::Svn),
        _ if begins(b"INFO {") => Some(Speech::Nats),
        _ if begins(b"-DENIED ") || begins(b"-ERR max number of clients") => Some(Speech::Redis),
        _ if mysql_text(bytes).is_some() => Some(Speech::Mysql),
        _ => replies(bytes),
    }
}

/// Whether it begins like a pattern, in which `d` is a digit.
fn is_like(bytes: &[u8], pattern: &[u8]) -> bool {
    let pairs = bytes.iter().zip(pattern);
    bytes.len() >= pattern.len()
        && pairs.into_iter().all(|(byte, like)| match like {
            b'd' => byte.is_ascii_digit(),
            like => byte == like,
        })
}

fn is_ssh(line: &[u8]) -> bool {
    let version = line.strip_prefix(b"SSH-");
    matches!(version, Some([b'1' | b'2', b'.', digit, ..]) if digit.is_ascii_digit())
}

fn is_imap(rest: &[u8]) -> bool {
    ["OK", "PREAUTH", "BYE"].iter().any(|word| {
        let (said, after) = rest.split_at_checked(word.len()).unwrap_or((rest, &[]));
        said.eq_ignore_ascii_case(word.as_bytes()) && matches!(after, [b' ' | b'\r' | b'\n', ..])
    })
}

/// The version of a `MySQL` server in its first packet, or the reason for which it turns the client away.
fn mysql_text(bytes: &[u8]) -> Option<&[u8]> {
    let ([low, middle, 0, 0], payload) = bytes.split_first_chunk::<4>()? else {
        return None;
    };
    let length = usize::from(*low) | usize::from(*middle) << 8;
    // What is announced and what has come agree, as far as was read.
    if !(10..=4096).contains(&length) || payload.len() < length.min(32) || payload.len() > length {
        return None;
    }
    let printable =
        |text: &&[u8]| text.len() >= 3 && text.iter().all(|byte| (0x20..0x7f).contains(byte));
    match payload {
        [9 | 10, rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let version = rest.get(..end).filter(printable)?;
            version.first()?.is_ascii_digit().then_some(version)
        }
        // An error before the handshake has no SQL state.
        [0xff, _, 3 | 4, reason @ ..] => Some(reason).filter(printable),
        _ => None,
    }
}

/// A reply of three digits: SMTP's, FTP's, or one that both have.
fn replies(bytes: &[u8]) -> Option<Speech> {
    let first = lines(bytes).next()?;
    let (code, rest) = first.split_first_chunk::<3>()?;
    if !matches!(rest, [] | [b' ' | b'-', ..]) {
        return None;
    }
    match code {
        b"220" => {}
        // A mail server that takes no mail (RFC 5321 section 3.1).
        b"554" => return Some(Speech::Smtp),
        b"120" => return Some(Speech::Ftp),
        b"421" => return Some(Speech::SmtpOrFtp),
        _ => return None,
    }
    let words = rest
        .split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.' && *byte != b'-')
        .map(|word| {
            let dashes = word.iter().take_while(|byte| **byte == b'-').count();
            word.get(dashes..).unwrap_or(word)
        });
    let is = |word: &[u8], known: &[&str]| {
        known
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    let (mut smtp, mut ftp) = (false, false);
    // A host's name (`ftp.example`) is no word of the protocol.
    for word in words {
        smtp |= is(word, &["SMTP", "ESMTP", "LMTP", "ESMTPS"]);
        ftp |= is(word, &["FTP", "FTPD", "vsFTPd", "ProFTPD", "Pure-FTPd"]);
    }
    Some(match (smtp, ftp) {
        (true, false) => Speech::Smtp,
        (false, true) => Speech::Ftp,
        _ => Speech::SmtpOrFtp,
    })
}

#[cfg(test)]
mod tests;
