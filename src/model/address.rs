//! Addresses and endpoints, as they are written in the report: `10.0.0.1`, `fe80::1%eth0`, `10.0.0.1:443`, `[::1]:443`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An IP address with the scope (`%eth0`) that a link-local one needs.
///
/// IPv4 addresses written as IPv6 (`::ffff:192.0.2.1`) are kept as what they are: IPv4.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    ip: IpAddr,
    zone: Option<String>,
}

/// What is wrong with a text that should have been an address or an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no IP address; expected one such as 192.0.2.7, 2001:db8::1 or fe80::1%eth0")]
pub struct NotAnAddress(pub String);

impl Address {
    /// An address without a scope.
    pub fn new(ip: IpAddr) -> Self {
        Self {
            ip: ip.to_canonical(),
            zone: None,
        }
    }

    /// An address with the name of the interface that its scope is.
    pub fn scoped(ip: IpAddr, zone: impl Into<String>) -> Self {
        let zone = zone.into();
        Self {
            ip: ip.to_canonical(),
            zone: (!zone.is_empty()).then_some(zone),
        }
    }

    /// The address alone.
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The interface that its scope names.
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Whether this is an IPv6 address.
    pub const fn is_ipv6(&self) -> bool {
        self.ip.is_ipv6()
    }

    /// Whether it means something within a site or a machine alone: private (RFC 1918), shared (RFC 6598), loopback, link-local, unique
    /// local (RFC 4193), unspecified.
    pub fn is_private(&self) -> bool {
        match self.ip.to_canonical() {
            IpAddr::V4(v4) => {
                let [first, second, ..] = v4.octets();
                v4.is_private()
                    || v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_unspecified()
                    || (first == 100 && second & 0xc0 == 64)
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
            }
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self::new(ip)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) => write!(f, "{}%{zone}", self.ip),
            None => write!(f, "{}", self.ip),
        }
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAnAddress(text.to_owned());
        match text.split_once('%') {
            None => text.parse().map(Self::new).map_err(|_| wrong()),
            Some((ip, zone)) => {
                let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
                // IFNAMSIZ is 16 with its final zero; the kernel allows neither `/` nor white space in a name.
                let named = (1..16).contains(&zone.len())
                    && !zone.contains(|c: char| {
                        c == '/' || c == '%' || c.is_whitespace() || c.is_control()
                    });
                if ip.is_ipv6() && named {
                    Ok(Self::scoped(ip, zone))
                } else {
                    Err(wrong())
                }
            }
        }
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl JsonSchema for Address {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "an IP address, bare, its %zone kept", "examples": ["10.0.0.1", "fe80::1%eth0"] })
    }
}

/// An address and, where the protocol has ports, a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    /// The address.
    pub address: Address,
    /// The port; none for echo.
    pub port: Option<u16>,
}

impl Endpoint {
    /// Whether it is the stub of systemd-resolved (systemd-resolved.service(8)), as a name server.
    pub fn is_resolved_stub(&self) -> bool {
        matches!(
            self.address.ip(),
            IpAddr::V4(ip) if matches!(ip.octets(), [127, 0, 0, 53 | 54])
        )
    }

    /// An endpoint with a port.
    pub fn new(address: impl Into<Address>, port: u16) -> Self {
        Self {
            address: address.into(),
            port: Some(port),
        }
    }

    /// An address of a protocol that has no ports.
    pub fn portless(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            port: None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => write!(f, "{}", self.address),
            Some(port) if self.address.is_ipv6() => write!(f, "[{}]:{port}", self.address),
            Some(port) => write!(f, "{}:{port}", self.address),
        }
    }
}

impl FromStr for Endpoint {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAnAddress(text.to_owned());
        if let Ok(address) = text.parse() {
            return Ok(Self {
                address,
                port: None,
            });
        }
        let (address, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare = address
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let address: Address = bare.unwrap_or(address).parse().map_err(|_| wrong())?;
        if address.is_ipv6() != bare.is_some() {
            return Err(wrong());
        }
        Ok(Self {
            address,
            port: Some(port.parse().map_err(|_| wrong())?),
        })
    }
}

impl TryFrom<String> for Endpoint {
    type Error = NotAnAddress;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl JsonSchema for Endpoint {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Endpoint".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "an address with its port, or a bare address where the protocol has none", "examples": ["10.0.0.1:443", "[::1]:443", "10.0.0.1"] })
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Endpoint};

    #[test]
    fn an_endpoint_reads_back_as_it_is_written() {
        for text in [
            "10.0.0.1:443",
            "[::1]:443",
            "10.0.0.1",
            "::1",
            "[fe80::1%eth0]:22",
            "fe80::1%eth0",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "10.0.0",
            "10.0.0.1%eth0",
            "fe80::1%",
            "fe80::1%a/b",
            "[10.0.0.1]:1",
            "::1:x",
            "host:1",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_ipv4() {
        assert_eq!(
            "::ffff:192.0.2.1".parse::<Address>().unwrap().to_string(),
            "192.0.2.1"
        );
    }
}
