//! First packets of encrypted transports and tunnels, none of which needs a key.

use super::Nonce;

/// The length below which a QUIC server does not answer (RFC 9000 section 14.1).
const QUIC_LEAST: usize = 1200;

/// A long header (RFC 8999 section 5.1) with a version of the pattern 0x?a?a?a?a, which is kept for making a server name those that
/// it has (RFC 9000 sections 6.1 and 15). What follows is of that version, and so of no meaning.
pub(super) fn quic(nonce: &Nonce) -> Vec<u8> {
    let (destination, source) = nonce.split_at(8);
    let mut packet = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    packet.extend(destination);
    packet.push(8);
    packet.extend(source);
    packet.resize(QUIC_LEAST, 0);
    packet
}

/// `IKE_SA_INIT` (RFC 7296 sections 1.2 and 3): one proposal of AES-CBC-256, HMAC-SHA-256 and the 2048-bit group 14 (RFC 8247). A
/// responder that wants others says so (`NO_PROPOSAL_CHOSEN`, `INVALID_KE_PAYLOAD`): any answer will do.
pub(super) fn ike(nonce: &Nonce) -> Vec<u8> {
    let mut payloads = Vec::new();
    // Security association: one proposal, number 1, IKE, without SPI, four transforms.
    let transforms: [&[u8]; 4] = [
        // Encryption 12 with its key length (attribute 14 in short form).
        &[3, 0, 0, 12, 1, 0, 0, 12, 0x80, 14, 1, 0],
        // Pseudo-random function 5, integrity 12, group 14.
        &[3, 0, 0, 8, 2, 0, 0, 5],
        &[3, 0, 0, 8, 3, 0, 0, 12],
        &[0, 0, 0, 8, 4, 0, 0, 14],
    ];
    let transforms = transforms.concat();
    let mut proposal = vec![0, 0];
    proposal.extend(length(8 + transforms.len()));
    proposal.extend([1, 1, 0, 4]);
    proposal.extend(transforms);
    payload(&mut payloads, 34, &proposal);
    // Key exchange: a public value of group 14, which any number below its prime is.
    let mut key = vec![0, 14, 0, 0, 0x7f];
    key.extend(nonce.iter().cycle().take(255));
    payload(&mut payloads, 40, &key);
    payload(&mut payloads, 0, &[&nonce[..], &nonce[..]].concat());
    let mut message: Vec<u8> = nonce.iter().take(8).copied().collect();
    // An SPI of zero is none (section 3.1).
    if let Some(first) = message.first_mut() {
        *first |= 1;
    }
    message.extend([0; 8]);
    message.extend([33, 0x20, 34, 0x08, 0, 0, 0, 0, 0, 0]);
    message.extend(length(28 + payloads.len()));
    message.extend(payloads);
    message
}

/// The same behind the four zeros that tell IKE from ESP on port 4500 (RFC 3948 section 2.2).
pub(super) fn ike_encapsulated(nonce: &Nonce) -> Vec<u8> {
    let mut packet = vec![0; 4];
    packet.extend(ike(nonce));
    packet
}

/// A payload with its generic header (RFC 7296 section 3.2): which payload comes next, and the length.
fn payload(message: &mut Vec<u8>, next: u8, body: &[u8]) {
    message.extend([next, 0]);
    message.extend(length(4 + body.len()));
    message.extend(body);
}

/// A length in two bytes; what is built here is shorter than 1400.
fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// `P_CONTROL_HARD_RESET_CLIENT_V2` of session 0 with packet 0 and nothing acknowledged (OpenVPN's network protocol, "TLS packets").
pub(super) fn openvpn(nonce: &Nonce) -> Vec<u8> {
    let mut packet = vec![0x38];
    packet.extend(nonce.iter().take(8));
    packet.extend([0; 5]);
    packet
}

/// Start-Control-Connection-Request (RFC 2661 section 6.1) with the attributes that it has to have (section 4.4).
pub(super) fn l2tp(nonce: &Nonce) -> Vec<u8> {
    let [a, b, ..] = *nonce;
    let attributes: [&[u8]; 5] = [
        // Message type 1, protocol version 1.0, framing of both kinds, host name, our tunnel's number, which is not zero.
        &[0x80, 8, 0, 0, 0, 0, 0, 1],
        &[0x80, 8, 0, 0, 0, 2, 1, 0],
        &[0x80, 10, 0, 0, 0, 3, 0, 0, 0, 3],
        b"\x80\x0d\0\0\0\x07nwcheck",
        &[0x80, 8, 0, 0, 0, 9, a | 1, b],
    ];
    let attributes = attributes.concat();
    // Control, with length and sequence numbers, version 2.
    let mut message = vec![0xc8, 0x02];
    message.extend(length(12 + attributes.len()));
    message.extend([0; 8]);
    message.extend(attributes);
    message
}

/// A handshake initiation of the right length (WireGuard's paper, section 5.4.2), which no key has signed.
pub(super) fn wireguard(nonce: &Nonce) -> Vec<u8> {
    let mut message = vec![1, 0, 0, 0];
    message.extend(nonce.iter().cycle().take(144));
    message
}
