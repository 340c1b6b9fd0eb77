//! What is said of a name's addresses together; made by the choice of the cause from what each address shows.

use crate::diagnose::{Explain, Judge, Rule};
use crate::model::Id;

/// Some addresses work and some do not.
pub const ADDRESS_PARTIAL: Rule = Rule {
    id: Id::DestinationAddressPartial,
    explain: Explain {
        meaning: "Of the addresses that the name has, some work and some don't. A client that is given a bad one first fails or waits.",
        proof: "Every address was checked for itself; what fails at each is told in one line.",
        remedy: "Repair the addresses named, or take them out of the name's records or the balancer's pool.",
        lookalikes: "When all IPv6 addresses fail and all IPv4 addresses work it is `destination-ipv6-broken`, the other way round \
                     `destination-ipv4-broken`. When all fail for one reason, that reason is the finding.",
    },
    judge: Judge::Composed,
};

/// The IPv6 addresses fail, the IPv4 ones work.
pub const IPV6_BROKEN: Rule = Rule {
    id: Id::DestinationIpv6Broken,
    explain: Explain {
        meaning: "The name's IPv6 addresses fail while its IPv4 addresses work. Clients that try both soon turn to IPv4; others wait for a \
                  time-out first, or fail.",
        proof: "Every address was checked for itself, and this machine has IPv6. A machine without IPv6 makes no finding.",
        remedy: "Repair the service, the firewall or the route for IPv6, or take the AAAA records out.",
        lookalikes: "When addresses of both families fail and work it is `destination-address-partial`.",
    },
    judge: Judge::Composed,
};

/// The IPv4 addresses fail, the IPv6 ones work.
pub const IPV4_BROKEN: Rule = Rule {
    id: Id::DestinationIpv4Broken,
    explain: Explain {
        meaning: "The name's IPv4 addresses fail while its IPv6 addresses work. Clients with IPv4 alone can't reach it.",
        proof: "Every address was checked for itself, and this machine has IPv4.",
        remedy: "Repair the service, the firewall, the address translation or the route for IPv4, or take the A records out.",
        lookalikes: "When addresses of both families fail and work it is `destination-address-partial`.",
    },
    judge: Judge::Composed,
};
