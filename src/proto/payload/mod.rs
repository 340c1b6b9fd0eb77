//! What a datagram has to carry so that what listens on its port answers: one table, by port.
//!
//! A server answers only what it understands. Each payload here is the smallest valid message of the port's protocol that draws an
//! answer from anybody who asks, changes nothing on the server, and draws no more than it has to. Where a protocol is silent to
//! strangers by design the entry says why: then silence is no sign of a fault.
//!
//! Pure: random fields come in as a [`Nonce`]. Answers are not read here, or anywhere: that one came is what counts.

mod lookups;
mod sessions;
mod tunnels;

/// The longest payload that is sent, in bytes: with IPv6 and UDP headers it fits a path MTU of 1448, and most tunnels.
pub const LONGEST: usize = 1400;

/// Sixteen bytes that nobody can foresee, for the fields that a protocol wants to be random.
pub type Nonce = [u8; 16];

/// What is sent to one port.
#[derive(Clone, Copy)]
pub struct Payload {
    /// What it is, as it stands in a sentence: `a DNS query for the root's name servers`.
    pub name: &'static str,
    /// Why what listens may stay silent to a stranger, as a sentence; none where it answers.
    pub silent: Option<&'static str>,
    /// Whether the answer comes from another port than the one that was asked.
    pub answers_elsewhere: bool,
    build: fn(&Nonce) -> Vec<u8>,
}

impl Payload {
    /// The bytes, with these random fields: at most [`LONGEST`].
    pub fn bytes(&self, nonce: &Nonce) -> Vec<u8> {
        (self.build)(nonce)
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Payload").field(&self.name).finish()
    }
}

const fn answered(name: &'static str, build: fn(&Nonce) -> Vec<u8>) -> Payload {
    Payload {
        name,
        silent: None,
        answers_elsewhere: false,
        build,
    }
}

const fn silent(name: &'static str, why: &'static str, build: fn(&Nonce) -> Vec<u8>) -> Payload {
    Payload {
        silent: Some(why),
        ..answered(name, build)
    }
}

/// The payloads by port (IANA's registry of service names and port numbers).
const TABLE: &[(u16, Payload)] = &[
    (
        53,
        answered("a DNS query for the root's name servers", lookups::dns),
    ),
    (
        69,
        Payload {
            answers_elsewhere: true,
            ..answered(
                "a TFTP read request for a file that does not exist",
                lookups::tftp,
            )
        },
    ),
    (
        111,
        answered(
            "a call of the portmapper's null procedure",
            lookups::portmap,
        ),
    ),
    (123, answered("an NTP client's request", lookups::ntp)),
    (
        137,
        answered("a NetBIOS node status request", lookups::netbios),
    ),
    (161, answered("an SNMPv3 discovery", lookups::snmp)),
    (
        389,
        answered("a CLDAP search for the server's own entry", lookups::cldap),
    ),
    (
        443,
        answered("a QUIC packet whose version no server has", tunnels::quic),
    ),
    (500, answered("an IKEv2 initiation", tunnels::ike)),
    (
        514,
        silent(
            "an empty datagram",
            "Syslog answers nothing: it goes one way (RFC 5426).",
            |_| Vec::new(),
        ),
    ),
    (
        853,
        answered("a QUIC packet whose version no server has", tunnels::quic),
    ),
    (
        1194,
        silent(
            "an OpenVPN client's reset",
            "An OpenVPN server with tls-auth or tls-crypt answers nobody who does not have its key.",
            tunnels::openvpn,
        ),
    ),
    (
        1701,
        silent(
            "an L2TP request for a tunnel",
            "An L2TP server commonly takes what comes inside IPsec, and nothing else (RFC 3193).",
            tunnels::l2tp,
        ),
    ),
    (
        1812,
        silent(
            "a RADIUS status request",
            "A RADIUS server answers only clients whose shared secret it knows (RFC 2865 section 3, RFC 5997 section 3).",
            lookups::radius,
        ),
    ),
    (1900, answered("an SSDP search", sessions::ssdp)),
    (3478, answered("a STUN binding request", sessions::stun)),
    (
        4500,
        answered("an IKEv2 initiation", tunnels::ike_encapsulated),
    ),
    (5060, answered("a SIP OPTIONS request", sessions::sip)),
    (
        5353,
        silent(
            "a multicast DNS query for service types, sent to this host alone",
            "Multicast DNS answers only hosts on its own link (RFC 6762 section 11).",
            lookups::multicast_dns,
        ),
    ),
    (
        51820,
        silent(
            "a WireGuard handshake without a key",
            "WireGuard answers nobody whose key it does not know (its paper, section 5.1).",
            tunnels::wireguard,
        ),
    ),
];

/// What is sent where the port tells no protocol.
const UNKNOWN: Payload = answered("the text `nwcheck`", |_| b"nwcheck".to_vec());

/// What is sent to a port.
pub fn for_port(port: u16) -> &'static Payload {
    TABLE
        .iter()
        .find(|(known, _)| *known == port)
        .map_or(&UNKNOWN, |(_, payload)| payload)
}

#[cfg(test)]
mod tests;
