//! Programs run as whom, with what files, and until when the test says.

use std::time::{Duration, Instant};

use caps::Capability;
use nix::sys::signal::Signal;

use crate::{
    case::{Case, cases},
    net::Family,
    run::Run,
    topology::Lab,
};

const STATUS: &str = "grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status";

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_program_has_no_privilege,
        a_program_runs_as_an_ordinary_user: [Users],
        a_program_has_the_capability_it_was_given,
        ping_sockets_are_denied_until_allowed,
        a_program_runs_as_root_where_asked,
        a_program_sees_the_files_and_the_environment_of_the_test,
        a_program_that_takes_too_long_is_killed,
        a_signal_reaches_the_program,
    ]
}

fn a_program_has_no_privilege() {
    let lab = Lab::routers(0).build();
    let seen = Run::program(lab.client(), "/bin/sh", ["-c", STATUS]).run();
    assert_eq!(seen.exits(0).text().matches("0000000000000000").count(), 5);
    assert!(seen.text().contains("NoNewPrivs:\t1"), "{seen}");
    let raw = Run::program(
        lab.client(),
        "/bin/sh",
        ["-c", "ulimit -c 0; nft list ruleset || ip link set lo down"],
    )
    .run();
    assert_ne!(raw.code, Some(0), "{raw}");
}

fn a_program_runs_as_an_ordinary_user() {
    let lab = Lab::routers(0).build();
    let who = Run::program(lab.client(), "/usr/bin/id", ["-u"]).run();
    assert_eq!(who.exits(0).text().trim(), "65534");
    let groups = Run::program(lab.client(), "/usr/bin/id", ["-G"]).run();
    assert_eq!(groups.exits(0).text().trim(), "65534");
}

fn a_program_has_the_capability_it_was_given() {
    let lab = Lab::routers(0).build();
    let seen = Run::program(lab.client(), "/bin/sh", ["-c", STATUS])
        .with_capabilities(&[Capability::CAP_NET_RAW])
        .run();
    assert_eq!(seen.exits(0).text().matches("0000000000002000").count(), 5);
}

fn ping_sockets_are_denied_until_allowed() {
    let lab = Lab::routers(1).build();
    let range = || {
        let path = ["/proc/sys/net/ipv4/ping_group_range"];
        let read = Run::program(lab.client(), "/bin/cat", path).run();
        read.exits(0).text()
    };
    // Nobody's; a user namespace that maps neither group shows both as 65534.
    assert!(["1\t0\n", "65534\t65534\n"].contains(&range().as_str()));
    lab.client().allow_ping_sockets();
    assert!(range().starts_with("0\t"));
}

fn a_program_runs_as_root_where_asked() {
    let lab = Lab::routers(0).build();
    let who = Run::program(lab.client(), "/usr/bin/id", ["-u"])
        .root()
        .run();
    assert_eq!(who.exits(0).text().trim(), "0");
}

fn a_program_sees_the_files_and_the_environment_of_the_test() {
    let lab = Lab::routers(1).build();
    let script = "cat /etc/resolv.conf /etc/hosts; ls /sys/class/net; env; test -r /etc/passwd";
    let seen = Run::program(lab.client(), "/bin/sh", ["-c", script])
        .name_servers(&[lab.name_server_address(Family::V4, 0)])
        .file("hosts", "10.0.1.2 shop.test\n")
        .variable("NO_COLOR", "1")
        .run();
    let text = seen.exits(0).text();
    for part in [
        "nameserver 10.0.53.53\n",
        "10.0.1.2 shop.test\n",
        "NO_COLOR=1\n",
    ] {
        assert!(text.contains(part), "{seen}");
    }
    assert!(text.contains("LC_ALL=C.UTF-8\n"), "{seen}");
    assert!(!text.contains("CARGO"), "{seen}");
    let here = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    assert!(!here.contains("shop.test"), "the machine's own file");
}

fn a_program_that_takes_too_long_is_killed() {
    let lab = Lab::routers(0).build();
    let start = Instant::now();
    let late = Run::program(lab.client(), "/bin/sh", ["-c", "sleep 30; true"])
        .patience(Duration::from_millis(200))
        .run();
    assert!(late.timed_out && late.code.is_none(), "{late}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

fn a_signal_reaches_the_program() {
    let lab = Lab::routers(0).build();
    let script = "trap 'echo stopped; exit 7' INT; while :; do sleep 0.05; done";
    let stopped = Run::program(lab.client(), "/bin/sh", ["-c", script])
        .signal(Duration::from_millis(200), Signal::SIGINT)
        .run();
    assert_eq!(stopped.exits(7).text(), "stopped\n");
}
