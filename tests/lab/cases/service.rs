//! What accepts on the port, behind the handshake.

use std::{net::SocketAddr, time::Duration};

use super::{PORT, check};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::Family,
    run::Run,
    services::{Service, Tcp},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_service_that_ends_every_connection_at_once_closes,
        a_service_that_waits_or_greets_is_healthy,
        a_service_that_ends_one_connection_of_many_is_healthy,
        a_reset_before_the_service_says_nothing_of_it: [Nft],
        what_greets_is_told_and_no_fault_of_a_bare_port,
        another_protocol_than_asked_for_is_found,
        a_protocol_that_was_asked_for_is_healthy,
        a_service_that_never_greets_is_silent,
        a_greeting_that_takes_a_while_is_healthy,
        a_mail_server_is_not_called_silent_within_the_deadline,
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

/// `nwcheck tcp SCHEME://server:443`.
fn check_uri(lab: &Lab, family: Family, scheme: &str) -> Run {
    let place = SocketAddr::new(lab.server_address(family), PORT);
    Run::nwcheck(
        lab.client(),
        ["tcp".to_owned(), format!("{scheme}://{place}")],
    )
}

/// The same check over both families at once: what waits long is waited for once.
fn check_both(check: impl Fn(Family) + Sync) {
    std::thread::scope(|scope| {
        for family in Family::BOTH {
            let check = &check;
            scope.spawn(move || check(family));
        }
    });
}

const MAIL: &[u8] = b"220 mail.example ESMTP Postfix\r\n";
const SHELL: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

fn what_greets_is_told_and_no_fault_of_a_bare_port() {
    let lab = Lab::routers(1).build();
    let service = Service::tcp(lab.server(), PORT, Tcp::Greet(MAIL.to_vec()));
    for family in Family::BOTH {
        let outcome = check(&lab, family).run();
        outcome.passes();
        let looks = outcome.at("/observations");
        let banner = looks
            .as_array()
            .and_then(|all| all.iter().find(|o| o["operation"] == "read"))
            .map(|look| look["banner"].clone());
        let wanted = serde_json::json!({
            "protocol": "smtp", "text": "220 mail.example ESMTP Postfix"
        });
        assert_eq!(banner, Some(wanted));
    }
    // No visit more than the probes themselves.
    assert!(
        service.served() <= 2 * (10 + 6),
        "{} visits",
        service.served()
    );
}

fn another_protocol_than_asked_for_is_found() {
    let greetings: [(&str, &[u8]); 4] = [
        ("ssh", MAIL),
        ("smtps", MAIL),
        ("imap", SHELL),
        ("ftp", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ];
    for (scheme, greeting) in greetings {
        let lab = Lab::routers(1).build();
        let service = Service::tcp(lab.server(), PORT, Tcp::Greet(greeting.to_vec()));
        for family in Family::BOTH {
            check_uri(&lab, family, scheme)
                .run()
                .fails_by("service-protocol")
                .says("/status", "degraded")
                .within(Duration::from_secs(6));
        }
        assert!(
            service.served() <= 2 * (10 + 6),
            "{} visits",
            service.served()
        );
    }
}

fn a_protocol_that_was_asked_for_is_healthy() {
    let greetings: [(&str, &[u8]); 7] = [
        ("ssh", SHELL),
        ("sftp", b"Authorised users only\r\nSSH-2.0-OpenSSH_9.2\r\n"),
        ("smtp", MAIL),
        ("smtp", b"220 ready\r\n"),
        ("ftp", b"220 ready\r\n"),
        // Its clients speak first, within TLS.
        ("imaps", b""),
        // It has enough clients.
        ("ssh", b"Exceeded MaxStartups\r\n"),
    ];
    for (scheme, greeting) in greetings {
        let lab = Lab::routers(1).build();
        let service = Service::tcp(lab.server(), PORT, Tcp::Greet(greeting.to_vec()));
        for family in Family::BOTH {
            check_uri(&lab, family, scheme)
                .run()
                .passes()
                .within(Duration::from_secs(6));
        }
        assert!(
            service.served() <= 2 * (10 + 6),
            "{} visits",
            service.served()
        );
    }
}

fn a_service_that_never_greets_is_silent() {
    let lab = Lab::routers(1).build();
    let service = Service::tcp(lab.server(), PORT, Tcp::Silent);
    check_both(|family| {
        check_uri(&lab, family, "ssh")
            .run()
            .fails_by("service-silent")
            .says("/status", "degraded");
    });
    assert!(
        service.served() <= 2 * (10 + 6),
        "{} visits",
        service.served()
    );
    // One that gives up before we do is as silent.
    let gives_up = |mut stream: std::net::TcpStream| {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(3)));
        let _ = std::io::Read::read(&mut stream, &mut [0]);
    };
    let lab = Lab::routers(1).build();
    let _service = Service::tcp(
        lab.server(),
        PORT,
        Tcp::Handle(std::sync::Arc::new(gives_up)),
    );
    check_both(|family| {
        check_uri(&lab, family, "mysql")
            .run()
            .fails_by("service-silent");
    });
}

/// As `postscreen` and Sendmail's `greet_pause` do, or a look-up of the client's name with a name server that does not answer.
fn a_greeting_that_takes_a_while_is_healthy() {
    for (scheme, greeting) in [("smtp", MAIL), ("ssh", SHELL)] {
        let late = move |mut stream: std::net::TcpStream| {
            std::thread::sleep(Duration::from_secs(6));
            let _ = std::io::Write::write_all(&mut stream, greeting);
            let _ = std::io::Read::read(&mut stream, &mut [0]);
        };
        let lab = Lab::routers(1).build();
        let _service = Service::tcp(lab.server(), PORT, Tcp::Handle(std::sync::Arc::new(late)));
        check_both(|family| {
            let outcome = check_uri(&lab, family, scheme).run();
            outcome
                .passes()
                .says("/not_measured", serde_json::json!([]));
        });
    }
}

/// It has five minutes for its greeting (RFC 5321 section 4.5.3.2.1).
fn a_mail_server_is_not_called_silent_within_the_deadline() {
    let lab = Lab::routers(1).build();
    let _service = Service::tcp(lab.server(), PORT, Tcp::Silent);
    check_both(|family| {
        let outcome = check_uri(&lab, family, "smtp")
            .arguments(["--deadline", "8s"])
            .run();
        outcome.passes().within(Duration::from_secs(12));
        let missing = outcome.at("/not_measured").to_string();
        assert!(
            missing.contains("which protocol speaks") && missing.contains("no byte came in"),
            "{missing}"
        );
    });
}
