//! Questions with one answer: names, time, management, directories.

use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::{Name, RecordType};

use super::Nonce;

/// A DNS query for the root's name servers (RFC 1035 section 4.1): a resolver has them at hand, and what is none refuses. Without
/// EDNS the answer is at most 512 bytes.
pub(super) fn dns(nonce: &Nonce) -> Vec<u8> {
    query(nonce, Name::root(), RecordType::NS)
}

/// A query for the types of services on the link (RFC 6763 section 9), from another source port than 5353, so that the answer comes
/// to this host alone (RFC 6762 section 6.7).
pub(super) fn multicast_dns(nonce: &Nonce) -> Vec<u8> {
    let name = Name::from_ascii("_services._dns-sd._udp.local.").unwrap_or_default();
    query(nonce, name, RecordType::PTR)
}

fn query(nonce: &Nonce, name: Name, kind: RecordType) -> Vec<u8> {
    let [high, low, ..] = *nonce;
    let id = u16::from_be_bytes([high, low]);
    let mut query = Message::new(id, MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(name, kind));
    // A question of ours is always written: it is far below any limit of the format.
    query.to_vec().unwrap_or_default()
}

/// A read request (RFC 1350 section 5) for a file that nobody has; the server answers with an error, from a port of its own
/// (section 4).
pub(super) fn tftp(nonce: &Nonce) -> Vec<u8> {
    let [.., a, b] = *nonce;
    format!("\0\u{1}nwcheck-{a:02x}{b:02x}\0octet\0").into_bytes()
}

/// ONC RPC (RFC 5531 section 9): the null procedure of the port mapper, version 2 (RFC 1833 section 3), without credentials.
pub(super) fn portmap(nonce: &Nonce) -> Vec<u8> {
    let [a, b, c, d, ..] = *nonce;
    let mut call = vec![a, b, c, d];
    let words: [u32; 9] = [0, 2, 100_000, 2, 0, 0, 0, 0, 0];
    call.extend(words.into_iter().flat_map(u32::to_be_bytes));
    call
}

/// NTP version 4, client mode (RFC 5905 section 7.3): nothing is told but a random transmit timestamp, which the answer repeats.
pub(super) fn ntp(nonce: &Nonce) -> Vec<u8> {
    let mut request = vec![0; 40];
    if let Some(first) = request.first_mut() {
        *first = 0x23;
    }
    request.extend(nonce.iter().take(8));
    request
}

/// A node status request for any name, `*` (RFC 1002 section 4.2.17).
pub(super) fn netbios(nonce: &Nonce) -> Vec<u8> {
    let [high, low, ..] = *nonce;
    let mut request = vec![high, low, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 32];
    // The first level of encoding (RFC 1001 section 14.1): `*` and fifteen zeros, half a byte a letter.
    request.extend(b"CK");
    request.extend([b'A'; 30]);
    request.extend([0, 0, 0x21, 0, 1]);
    request
}

/// SNMPv3: a message for an engine that is not known, which asks for a report (RFC 3414 section 4, RFC 3412 section 6).
pub(super) fn snmp(nonce: &Nonce) -> Vec<u8> {
    let [a, b, c, d, ..] = *nonce;
    // Both numbers are positive integers: the upper bit is clear, and the first byte is not zero.
    let id = [(a & 0x7f) | 1, b];
    let request = [(c & 0x7f) | 1, d];
    let mut message = vec![0x30, 0x3a, 0x02, 0x01, 0x03];
    // Header: id, the largest size (65507), reportable, the user-based security model.
    message.extend([0x30, 0x0f, 0x02, 0x02]);
    message.extend(id);
    message.extend([
        0x02, 0x03, 0x00, 0xff, 0xe3, 0x04, 0x01, 0x04, 0x02, 0x01, 0x03,
    ]);
    // Security parameters: engine, boots, time and user all empty.
    message.extend([0x04, 0x10, 0x30, 0x0e, 0x04, 0x00, 0x02, 0x01, 0x00]);
    message.extend([0x02, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00, 0x04, 0x00]);
    // A get request for nothing, in no context.
    message.extend([0x30, 0x12, 0x04, 0x00, 0x04, 0x00, 0xa0, 0x0c, 0x02, 0x02]);
    message.extend(request);
    message.extend([0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x00]);
    message
}

/// LDAP over UDP ([MS-ADTS] section 6.3.3, RFC 1798): the root entry, any object class, and none of its attributes (`1.1`, RFC 4511
/// section 4.5.1.8), so that the answer is short.
pub(super) fn cldap(nonce: &Nonce) -> Vec<u8> {
    let [id, ..] = *nonce;
    let mut search = vec![0x30, 0x2a, 0x02, 0x01, (id & 0x7f) | 1, 0x63, 0x25];
    search.extend([0x04, 0x00, 0x0a, 0x01, 0x00, 0x0a, 0x01, 0x00]);
    search.extend([0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x01, 0x01, 0x00]);
    search.extend([0x87, 0x0b]);
    search.extend(b"objectClass");
    search.extend([0x30, 0x05, 0x04, 0x03]);
    search.extend(b"1.1");
    search
}

/// Status-Server (RFC 5997 section 4) with a Message-Authenticator that no secret has signed.
pub(super) fn radius(nonce: &Nonce) -> Vec<u8> {
    let [id, ..] = *nonce;
    let mut request = vec![12, id, 0, 38];
    request.extend(nonce);
    request.extend([80, 18]);
    request.extend([0; 16]);
    request
}
