//! Names through the resolver that a machine has: its stub, its options, its hosts file, and servers that are strange and healthy.

use std::{net::IpAddr, os::unix::fs::PermissionsExt as _};

use hickory_resolver::proto::rr::RecordType;

use super::{PORT, serve};
use crate::{
    case::{Case, cases},
    nameserver::{Manner, NameServer, Transport, Zone},
    net::{Family, Namespace},
    outcome::Outcome,
    run::{Run, reachable_binary},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_name_of_split_dns_is_asked_of_its_own_link,
        an_address_that_is_no_hosts_is_this_machine_and_not_its_firewall,
        a_type_that_nobody_asks_for_is_not_missed,
        what_applications_wait_for_is_what_the_options_make_of_it,
        an_answer_that_can_t_be_fetched_is_said_to_be_too_large,
        a_search_list_that_is_denied_is_no_fault_of_the_name,
        servers_that_are_strange_are_healthy,
        a_name_of_multicast_dns_is_not_for_name_servers,
        many_addresses_are_one_remark,
        a_name_with_aaaa_alone_has_no_address_where_nobody_asks_for_it,
        a_stub_that_does_not_run_is_this_machines_own,
    ]
}

const NAME: &str = "shop.test";

/// `resolvectl` as systemd-resolved's would tell of two links, one of a private network.
const RESOLVECTL: &str = r#"#!/bin/sh
for last; do :; done
case "$last" in
dns) printf 'Global:\nLink 2 (eth0): 10.99.0.1\nLink 3 (wg0): %s\n' SERVER ;;
domain) printf 'Global:\nLink 2 (eth0): lan\nLink 3 (wg0): ~test\n' ;;
default-route) printf 'Link 2 (eth0): yes\nLink 3 (wg0): no\n' ;;
esac
"#;

/// A name of a private network behind the stub of systemd-resolved: the public server, which has no such name, is not asked by it, and
/// that it says so is no contradiction.
fn a_name_of_split_dns_is_asked_of_its_own_link() {
    let lab = Lab::routers(1).build();
    let stub = NameServer::start(lab.client(), IpAddr::from([127, 0, 0, 53]), zone(&lab));
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("resolvectl");
    let script = RESOLVECTL.replace(
        "SERVER",
        &lab.name_server_address(Family::V4, 0).to_string(),
    );
    std::fs::write(&program, script).expect("a program");
    for path in [folder.path(), &program] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let outcome = Run::nwcheck(lab.client(), ["dns", NAME])
        .name_servers(&[stub.address()])
        .variable("PATH", &path)
        .run();
    outcome.passes();
    assert_eq!(
        outcome.at("/source/resolver/links/1"),
        serde_json::json!({
            "interface": "wg0",
            "servers": [format!("{}:53", lab.name_server_address(Family::V4, 0))],
            "domains": [{"name": "test", "route_only": true}],
            "default_route": false,
        })
    );
    let page = text(lab.client(), ["dns", NAME])
        .name_servers(&[stub.address()])
        .variable("PATH", &path)
        .run();
    let whole = words(&page);
    assert!(
        whole.contains("systemd-resolved asks wg0's servers")
            && whole.contains(
                "since the domain ~test fits best; eth0's servers (10.99.0.1) are not asked"
            ),
        "{whole}"
    );
    // Without its program that is not known, and said.
    let outcome = Run::nwcheck(lab.client(), ["dns", NAME])
        .name_servers(&[stub.address()])
        .variable("PATH", "/nonexistent")
        .run();
    let missing = outcome.passes().at("/not_measured").to_string();
    assert!(missing.contains("resolvectl is not installed"), "{missing}");
}

/// As a filter answers: a connection to it goes to the loopback, where nobody resets it but the machine that it is.
fn an_address_that_is_no_hosts_is_this_machine_and_not_its_firewall() {
    for address in ["0.0.0.0", "::", "127.0.0.1", "::1"] {
        let lab = Lab::routers(1).build();
        let blocked = Zone::new().address(NAME, address.parse().expect("an address"));
        let server = start(&lab, 0, blocked);
        let outcome = Run::nwcheck(lab.client(), ["tcp", "shop.test:443"])
            .name_servers(&[server.address()])
            .run();
        outcome
            .fails_by("port-closed")
            .mentions("port-closed", "filter")
            .mentions("port-closed", "this machine itself")
            .says("/local/route/kind", "local");
        // Somebody's own service there is reached, and it is said whose it is.
        let _service = serve(lab.client(), PORT);
        let page = text(lab.client(), ["tcp", "shop.test:443"])
            .name_servers(&[server.address()])
            .run();
        let said = words(&page);
        assert_eq!(page.code, Some(0), "{page}");
        assert!(said.contains(&format!("{address} is ")), "{said}");
    }
    // A name that is to be this machine is.
    let lab = Lab::routers(1).build();
    let page = text(lab.client(), ["tcp", "localhost:443"]).run();
    let said = words(&page);
    assert!(
        !said.contains("filter") && !said.contains("is this machine itself"),
        "{said}"
    );
}

/// With `no-aaaa` (glibc 2.36) no application asks for AAAA: that nobody answers it costs nothing.
fn a_type_that_nobody_asks_for_is_not_missed() {
    let lab = Lab::routers(1).build();
    let drops = zone(&lab).kind(RecordType::AAAA, Manner::Silent);
    let server = start(&lab, 0, drops);
    let ask = |options: &str| {
        let file = format!("options {options}\nnameserver {}\n", server.address());
        Run::nwcheck(lab.client(), ["dns", NAME])
            .file("resolv.conf", &file)
            .run()
    };
    ask("no-aaaa")
        .passes()
        .says("/resolution/application_delay_ms", serde_json::Value::Null);
    ask("timeout:1").warns_by("dns-type-unanswered");
}

/// What is computed is what the system's resolver took, as far as it is heard.
fn what_applications_wait_for_is_what_the_options_make_of_it() {
    let lab = Lab::routers(1).build();
    let drops = zone(&lab).kind(RecordType::AAAA, Manner::Silent);
    let server = start(&lab, 0, drops);
    for (options, waited) in [
        ("single-request timeout:1", 2000),
        ("single-request-reopen timeout:1", 1000),
    ] {
        let file = format!("options {options}\nnameserver {}\n", server.address());
        let outcome = Run::nwcheck(lab.client(), ["dns", NAME])
            .file("resolv.conf", &file)
            .run();
        outcome.warns_by("dns-type-unanswered");
        let computed = outcome.at("/resolution/application_delay_ms");
        assert_eq!(computed.as_f64(), Some(f64::from(waited)), "{outcome}");
        let sources = outcome.at("/resolution/sources");
        let system = sources
            .as_array()
            .and_then(|all| all.iter().find(|source| source["source"] == "system"))
            .and_then(|source| source["ms"].as_f64());
        // Nobody is told sooner; a loaded machine may be told later.
        let took = system.unwrap_or_default();
        assert!(took >= f64::from(waited) - 50.0, "{took}\n{outcome}");
    }
}

/// Only large answers fail where TCP is blocked: that is what is said, and not that nothing usable came.
fn an_answer_that_can_t_be_fetched_is_said_to_be_too_large() {
    let lab = Lab::routers(1).build();
    let large = zone(&lab)
        .over(Transport::Tcp, Manner::Silent)
        .always(Manner::Truncated);
    let server = start(&lab, 0, large);
    let outcome = Run::nwcheck(lab.client(), ["tcp", "shop.test:443"])
        .name_servers(&[server.address()])
        .run();
    outcome.could_not_tell();
    let summary = outcome.at("/summary").to_string();
    assert!(
        summary.contains("too large for a datagram") && summary.contains("over TCP"),
        "{summary}"
    );
}

/// As CoreDNS answers in Kubernetes.
fn a_search_list_that_is_denied_is_no_fault_of_the_name() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let server = start(&lab, 0, zone(&lab));
    let file = format!(
        "search ns.svc.cluster.local svc.cluster.local cluster.local corp.test\noptions ndots:5\nnameserver {}\n",
        server.address()
    );
    let check = |words: [&str; 2]| {
        Run::nwcheck(lab.client(), words)
            .file("resolv.conf", &file)
            .run()
    };
    check(["tcp", "shop.test:443"]).passes();
    check(["dns", "shop.test."]).passes();
    // What is advised to be asked is the name itself, not what the first suffix makes of it.
    let absent = check(["dns", "absent.test"]);
    absent.fails_by("dns-nxdomain");
    let finding = absent.finding("dns-nxdomain").to_string();
    let command = format!("dig @{} absent.test A", server.address());
    assert!(finding.contains(&command), "{finding}");
}

fn servers_that_are_strange_are_healthy() {
    let addresses = Lab::routers(1).build();
    let zone = || zone(&addresses);
    let strange = [
        (zone().always(Manner::OtherCase), ""),
        (zone().always(Manner::DropsEdns), ""),
        (
            zone().over(Transport::Udp, Manner::Silent),
            "options use-vc\n",
        ),
        (zone(), "options rotate timeout:1 attempts:1\n"),
        (zone(), "options trust-ad edns0\n"),
    ];
    for (zone, options) in strange {
        let lab = Lab::routers(1).build();
        let _service = serve(lab.server(), PORT);
        let server = start(&lab, 0, zone);
        let file = format!("{options}nameserver {}\n", server.address());
        Run::nwcheck(lab.client(), ["tcp", "shop.test:443"])
            .file("resolv.conf", &file)
            .run()
            .passes();
    }
    // An answer from another address is none: the system's resolver takes only the server's own.
    let other = zone().always(Manner::FromElsewhere);
    let lab = Lab::routers(1).build();
    let server = start(&lab, 0, other);
    Run::nwcheck(lab.client(), ["dns", NAME])
        .file(
            "resolv.conf",
            &format!(
                "options timeout:1 attempts:1\nnameserver {}\n",
                server.address()
            ),
        )
        .run()
        .fails_by("dns-timeout");
}

fn a_name_of_multicast_dns_is_not_for_name_servers() {
    let lab = Lab::routers(1).build();
    let server = start(&lab, 0, zone(&lab));
    let check = |name: &str, hosts: &str| {
        Run::nwcheck(lab.client(), ["dns", name])
            .name_servers(&[server.address()])
            .file("nsswitch.conf", &format!("hosts: {hosts}\n"))
            .run()
    };
    check("printer.local", "files dns")
        .fails_by("dns-nxdomain")
        .mentions("dns-nxdomain", "RFC 6762")
        .mentions("dns-nxdomain", "nothing that asks so");
    check("printer.local", "files mdns4_minimal [NOTFOUND=return] dns")
        .mentions("dns-nxdomain", "gave no address either");
    let other = check("printer.test", "files dns").finding("dns-nxdomain");
    assert!(!other.to_string().contains("6762"), "{other}");
}

fn many_addresses_are_one_remark() {
    let lab = Lab::routers(1).build();
    let many = (1..=40).fold(Zone::new(), |zone, last| {
        zone.address(NAME, IpAddr::from([10, 77, 0, last]))
    });
    let server = start(&lab, 0, many);
    let page = text(lab.client(), ["dns", NAME])
        .name_servers(&[server.address()])
        .run();
    assert_eq!(page.text().matches("private").count(), 1, "{page}");
}

fn a_name_with_aaaa_alone_has_no_address_where_nobody_asks_for_it() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let six = Zone::new().address(NAME, lab.server_address(Family::V6));
    let server = start(&lab, 0, six);
    let check = |options: &str| {
        let file = format!("{options}nameserver {}\n", server.address());
        Run::nwcheck(lab.client(), ["tcp", "shop.test:443"])
            .file("resolv.conf", &file)
            .run()
    };
    check("options no-aaaa\n")
        .fails_by("dns-no-address")
        .mentions("dns-no-address", "no-aaaa");
    check("").passes();
}

fn a_stub_that_does_not_run_is_this_machines_own() {
    let lab = Lab::routers(1).build();
    let outcome = Run::nwcheck(lab.client(), ["dns", NAME])
        .name_servers(&[IpAddr::from([127, 0, 0, 53])])
        .run();
    let finding = outcome.fails_by("dns-timeout").finding("dns-timeout");
    assert!(
        finding
            .to_string()
            .contains("systemctl status systemd-resolved"),
        "{finding}"
    );
    let other = Run::nwcheck(lab.client(), ["dns", NAME])
        .name_servers(&[IpAddr::from([127, 0, 0, 1])])
        .run();
    let finding = other.fails_by("dns-timeout").finding("dns-timeout");
    assert!(
        !finding.to_string().contains("systemd-resolved"),
        "{finding}"
    );
}

/// What a person reads of it.
fn text<const N: usize>(client: &Namespace, arguments: [&str; N]) -> Run {
    Run::program(client, reachable_binary(), arguments)
}

/// Its words, however the lines are broken.
fn words(page: &Outcome) -> String {
    let text = page.text();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn start(lab: &Lab, number: u8, zone: Zone) -> NameServer {
    let address = lab.name_server_address(Family::V4, number);
    NameServer::start(lab.name_servers(), address, zone)
}

/// The server by its name, both families.
fn zone(lab: &Lab) -> Zone {
    let families = Family::BOTH.into_iter();
    families.fold(Zone::new(), |zone, family| {
        zone.address(NAME, lab.server_address(family))
    })
}
