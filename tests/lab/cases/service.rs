//! What accepts on the port, behind the handshake.

use std::time::Duration;

use super::{PORT, check};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::Family,
    services::{Service, Tcp},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_service_that_ends_every_connection_at_once_closes,
        a_service_that_waits_or_greets_is_healthy,
        a_service_that_ends_one_connection_of_many_is_healthy,
        a_reset_before_the_service_says_nothing_of_it: [Nft],
    ]
}

fn a_service_that_ends_every_connection_at_once_closes() {
    for temper in [Tcp::Close, Tcp::Reset] {
        let lab = Lab::routers(2).build();
        let service = Service::tcp(lab.server(), PORT, temper);
        for family in Family::BOTH {
            check(&lab, family)
                .run()
                .fails_by("service-closes")
                .says("/status", "degraded")
                .within(Duration::from_secs(5));
        }
        // Two more than a port is visited whose connections last.
        let visits = service.served_soon(2 * 18);
        assert!(visits <= 2 * 18, "{visits} connections");
    }
}

fn a_service_that_waits_or_greets_is_healthy() {
    let tempers = [
        Tcp::Silent,
        Tcp::Greet(b"220 ready\r\n".to_vec()),
        // Says something and ends: a service of its own kind (RFC 867).
        Tcp::Handle(std::sync::Arc::new(|mut stream| {
            let _ = std::io::Write::write_all(&mut stream, b"Saturday\r\n");
        })),
    ];
    for temper in tempers {
        let lab = Lab::routers(1).build();
        let _service = Service::tcp(lab.server(), PORT, temper);
        for family in Family::BOTH {
            check(&lab, family).run().passes();
        }
    }
}

fn a_service_that_ends_one_connection_of_many_is_healthy() {
    let lab = Lab::routers(1).build();
    let accepted = std::sync::atomic::AtomicUsize::new(0);
    let every_other = move |mut stream: std::net::TcpStream| {
        let number = accepted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if number % 2 == 1 {
            // Ends when the client does.
            let _ = std::io::Read::read(&mut stream, &mut [0]);
        }
    };
    let _service = Service::tcp(
        lab.server(),
        PORT,
        Tcp::Handle(std::sync::Arc::new(every_other)),
    );
    for family in Family::BOTH {
        check(&lab, family).run().passes();
    }
}

/// The port's SYN is refused by the host's firewall: nothing was accepted, and nothing is said of a service.
fn a_reset_before_the_service_says_nothing_of_it() {
    let lab = Lab::routers(1).build();
    let _service = Service::tcp(lab.server(), PORT, Tcp::Close);
    lab.server().resets(Hook::Input, "tcp dport 443");
    for family in Family::BOTH {
        check(&lab, family).run().fails_by("port-closed");
    }
}
