//! Names through the resolver that a machine has: its stub, its options, its hosts file, and servers that are strange and healthy.

use std::{net::IpAddr, os::unix::fs::PermissionsExt as _};

use crate::{
    case::{Case, cases},
    nameserver::{NameServer, Zone},
    net::{Family, Namespace},
    run::{Run, reachable_binary},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![a_name_of_split_dns_is_asked_of_its_own_link]
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
        .run()
        .text();
    let whole: Vec<&str> = page.split_whitespace().collect();
    let whole = whole.join(" ");
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

/// What a person reads of it.
fn text<const N: usize>(client: &Namespace, arguments: [&str; N]) -> Run {
    Run::program(client, reachable_binary(), arguments)
}

/// The server by its name, both families.
fn zone(lab: &Lab) -> Zone {
    let families = Family::BOTH.into_iter();
    families.fold(Zone::new(), |zone, family| {
        zone.address(NAME, lab.server_address(family))
    })
}
