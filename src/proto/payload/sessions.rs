//! Requests that begin something, and end with their answer: STUN, SIP, SSDP.

use std::fmt::Write as _;

use super::Nonce;

/// A binding request without attributes (RFC 8489 section 5).
pub(super) fn stun(nonce: &Nonce) -> Vec<u8> {
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend(nonce.iter().take(12));
    request
}

/// An OPTIONS request (RFC 3261 section 11) whose answer comes back to the port it was sent from (`rport`, RFC 3581 section 3).
pub(super) fn sip(nonce: &Nonce) -> Vec<u8> {
    let id = hex(nonce);
    let (branch, tag) = id.split_at(16);
    format!(
        "OPTIONS sip:nwcheck.invalid SIP/2.0\r\n\
         Via: SIP/2.0/UDP nwcheck.invalid;branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:nwcheck@nwcheck.invalid>;tag={tag}\r\n\
         To: <sip:nwcheck.invalid>\r\n\
         Call-ID: {id}@nwcheck.invalid\r\n\
         CSeq: 1 OPTIONS\r\n\
         Contact: <sip:nwcheck@nwcheck.invalid>\r\n\
         Accept: application/sdp\r\n\
         Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// A search sent to one device (UPnP Device Architecture 1.1 section 1.3.2), for root devices alone.
pub(super) fn ssdp(_: &Nonce) -> Vec<u8> {
    b"M-SEARCH * HTTP/1.1\r\n\
      HOST: 239.255.255.250:1900\r\n\
      MAN: \"ssdp:discover\"\r\n\
      MX: 1\r\n\
      ST: upnp:rootdevice\r\n\r\n"
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
