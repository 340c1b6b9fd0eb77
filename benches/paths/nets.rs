//! The nets on which it is measured: a round trip of 40 ms to the server, spread evenly over the hops.

use std::time::Duration;

use crate::sim::{End, Web};

/// The round trip to the server.
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// A net, and what a tool may be asked to find there.
pub(crate) struct Net {
    pub(crate) name: &'static str,
    pub(crate) web: Web,
    /// One way over one link.
    pub(crate) link: Duration,
}

/// All of them.
pub(crate) fn nets() -> Vec<Net> {
    vec![
        layers("straight, 10 hops", &[1; 9]),
        layers("diamond 1-4-1", &[1, 1, 1, 4, 1, 1, 1, 1, 1]),
        layers("16 wide", &[1, 1, 1, 16, 1, 1, 1]),
        layers("two meshed 4x4", &[1, 1, 4, 4, 1, 1]),
        unequal_arms(),
        black_hole(),
    ]
}

fn layers(name: &'static str, widths: &[usize]) -> Net {
    let link = link(widths.len());
    Net {
        name,
        web: Web::layers(widths, link).server_after(link),
        link,
    }
}

/// The time of one of the links, of which there is one more than routers in a row.
fn link(routers: usize) -> Duration {
    ROUND_TRIP / 2 / u32::try_from(routers + 1).expect("few")
}

/// From the third router on one way has one router, the other three, and both meet again before the last two.
fn unequal_arms() -> Net {
    let link = link(8);
    let mut web = Web::default();
    let [one, two, fork, short, long, longer, longest, meet, last] =
        [(); 9].map(|()| web.router(link));
    for (from, to) in [
        (one, two),
        (two, fork),
        (fork, short),
        (short, meet),
        (fork, long),
        (long, longer),
        (longer, longest),
        (longest, meet),
        (meet, last),
    ] {
        web.link(from, End::Router(to));
    }
    web.link(last, End::Server);
    Net {
        name: "unequal arms",
        web: web.server_after(link),
        link,
    }
}

fn black_hole() -> Net {
    let mut net = layers("black hole after hop 6", &[1; 9]);
    net.web = net.web.dead(5);
    net
}
