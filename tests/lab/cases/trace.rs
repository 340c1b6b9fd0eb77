//! `nwcheck trace`: the graph equals the truth, on simulated nets whose truth is known.
//!
//! What is drawn and is not there is a fault in every run. Something that is missed is not, as often as the confidence allows it: a case
//! that wants all of a graph is tried a few times.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{PORT, check, serve};
use crate::{
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Namespace},
    outcome::Outcome,
    run::Run,
    sim::{End, Simulation, Truth, Web},
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        straight_paths_are_whole_by_every_kind_of_probe: [Tun],
        a_path_of_sixty_hops_is_whole: [Tun],
        diamonds_are_found_whole: [Tun],
        a_wide_diamond_is_found_by_root_and_by_an_ordinary_user: [Tun],
        a_mesh_is_found_whole: [Tun],
        arms_of_unequal_length_make_no_false_link: [Tun],
        a_balancer_by_packet_is_recognised: [Tun],
        silent_routers_are_shown_as_silent: [Tun],
        routers_that_limit_their_answers_are_whole: [Tun],
        a_path_that_ends_in_silence_is_not_told: [Tun],
        one_flow_is_one_path: [Tun],
        a_whole_check_finds_all_paths_too: [Tun],
        a_dead_path_of_several_is_named: [Tun],
        a_dead_path_whose_router_is_silent_is_named_by_the_fork_before_it: [Tun],
        a_service_that_drops_some_flows_is_no_path: [Tun, Nft],
        a_narrow_link_on_the_way_is_said_with_its_router: [Nft],
        a_host_silent_to_datagrams_is_no_narrow_path: [Nft],
        a_datagram_that_this_machine_does_not_send_says_nothing_of_the_path: [Nft],
        large_datagrams_that_vanish_are_said_and_are_no_finding: [Nft],
        hops_are_named_by_the_table_of_autonomous_systems,
    ]
}

const LINK: Duration = Duration::from_millis(1);
/// So often a graph may be looked for: each try misses something in one of twenty.
const TRIES: usize = 4;

pub(super) const PROTOCOLS: [&str; 3] = ["tcp", "udp", "icmp"];

fn straight_paths_are_whole_by_every_kind_of_probe() {
    for length in [1, 2, 9] {
        let web = Web::layers(&vec![1; length], LINK);
        let net = up(&web);
        for family in Family::BOTH {
            for protocol in PROTOCOLS {
                let found = trace(&net, family, protocol).run();
                finds_all(&found, &web, &net, family);
                found.says("/endpoints/0/path/method", "socket");
                let raw = trace(&net, family, protocol).root().run();
                finds_all(&raw, &web, &net, family);
                raw.says("/endpoints/0/path/method", "raw");
            }
        }
    }
}

fn a_path_of_sixty_hops_is_whole() {
    let web = Web::layers(&[1; 60], Duration::from_micros(200));
    let net = up(&web);
    let far = trace(&net, Family::V4, "tcp").arguments(["--max-hops", "64"]);
    finds_all(&far.run(), &web, &net, Family::V4);
    // The default looks no farther than 30 hops.
    let short = trace(&net, Family::V4, "tcp").run();
    short.could_not_tell();
    assert_eq!(hops(&short), 30, "{short}");
}

fn diamonds_are_found_whole() {
    for width in [2, 4, 8] {
        let web = Web::layers(&[1, width, 1], LINK);
        let net = up(&web);
        for family in Family::BOTH {
            for protocol in ["tcp", "udp"] {
                let run = || trace(&net, family, protocol);
                let whole = tries(|| run().run(), &web, &net, family);
                assert!(whole, "{width} wide, {family:?}, {protocol}");
                let whole = tries(|| run().root().run(), &web, &net, family);
                assert!(whole, "{width} wide, {family:?}, {protocol}, as root");
            }
        }
    }
}

fn a_wide_diamond_is_found_by_root_and_by_an_ordinary_user() {
    for (width, confidence) in [(16, "95"), (32, "99")] {
        let web = Web::layers(&[1, width, 1], LINK);
        let net = up(&web);
        let run = || trace(&net, Family::V4, "tcp").arguments(["--confidence", confidence]);
        assert!(
            tries(|| run().run(), &web, &net, Family::V4),
            "{width} wide"
        );
        assert!(
            tries(|| run().root().run(), &web, &net, Family::V4),
            "{width} wide, as root"
        );
    }
}

fn a_mesh_is_found_whole() {
    let web = Web::layers(&[1, 4, 4, 1], LINK);
    let net = up(&web);
    let run = || trace(&net, Family::V4, "tcp").arguments(["--confidence", "99"]);
    assert!(tries(|| run().run(), &web, &net, Family::V4));
    assert!(
        tries(|| run().root().run(), &web, &net, Family::V4),
        "as root"
    );
}

fn arms_of_unequal_length_make_no_false_link() {
    // The fork leads by one router on one side and by three on the other to the router where they meet.
    let mut web = Web::default();
    let [fork, short, one, two, three, meet] = [(); 6].map(|()| web.router(LINK));
    for (from, to) in [
        (fork, short),
        (short, meet),
        (fork, one),
        (one, two),
        (two, three),
        (three, meet),
    ] {
        web.link(from, End::Router(to));
    }
    web.link(meet, End::Server);
    let net = up(&web);
    for family in Family::BOTH {
        let found = tries(|| trace(&net, family, "tcp").run(), &web, &net, family);
        assert!(found, "{family:?}");
    }
}

fn a_balancer_by_packet_is_recognised() {
    let web = Web::layers(&[1, 3, 1, 1], LINK).by_packet(0);
    let net = up(&web);
    let found = trace(&net, Family::V4, "udp").run();
    has_nothing_false(&found, &web, &net, Family::V4);
    found
        .passes()
        .says("/endpoints/0/path/balancing", "per_packet");
}

fn silent_routers_are_shown_as_silent() {
    let web = Web::layers(&[1, 1, 1, 1, 1], LINK).silent(1).silent(2);
    let net = up(&web);
    for protocol in PROTOCOLS {
        for run in [
            trace(&net, Family::V4, protocol),
            trace(&net, Family::V4, protocol).root(),
        ] {
            let found = run.run();
            finds_all(&found, &web, &net, Family::V4);
            assert_eq!(hops(&found), 6, "{found}");
        }
    }
    // One silent branch of a diamond.
    let web = Web::layers(&[1, 3, 1], LINK).silent(2);
    let net = up(&web);
    assert!(tries(
        || trace(&net, Family::V4, "tcp").run(),
        &web,
        &net,
        Family::V4
    ));
}

fn routers_that_limit_their_answers_are_whole() {
    let mut web = Web::layers(&[1, 1, 1, 1, 1, 1], LINK);
    for router in 0..6 {
        web = web.limited(router, 6, Duration::from_secs(1));
    }
    for protocol in ["tcp", "udp"] {
        let net = up(&web);
        let found = trace(&net, Family::V4, protocol).run();
        finds_all(&found, &web, &net, Family::V4);
        found.within(Duration::from_secs(30));
        let net = up(&web);
        let raw = trace(&net, Family::V4, protocol).root().run();
        finds_all(&raw, &web, &net, Family::V4);
        raw.within(Duration::from_secs(30));
    }
}

fn a_path_that_ends_in_silence_is_not_told() {
    let web = Web::layers(&[1; 8], LINK).dead(5);
    let net = up(&web);
    for family in Family::BOTH {
        for protocol in PROTOCOLS {
            let lost = trace(&net, family, protocol).run();
            lost.could_not_tell()
                .says("/endpoints/0/path/reached", false);
            has_nothing_false(&lost, &web, &net, family);
            let router = Web::address(family, 5).to_string();
            assert!(lost.at("/summary").to_string().contains(&router), "{lost}");
            lost.within(Duration::from_secs(10));
        }
    }
}

fn one_flow_is_one_path() {
    let web = Web::layers(&[1, 4, 4, 1], LINK);
    let net = up(&web);
    for protocol in PROTOCOLS {
        let found = trace(&net, Family::V4, protocol)
            .arguments(["--flows", "1"])
            .run();
        found.passes();
        has_nothing_false(&found, &web, &net, Family::V4);
        let graph = Truth::told(&found.report());
        assert_eq!(graph.nodes.len(), 5, "{found}");
        assert_eq!(graph.links.len(), 4, "{found}");
    }
}

fn a_whole_check_finds_all_paths_too() {
    let web = Web::layers(&[1, 4, 1], LINK);
    let net = up(&web);
    let run = || Run::nwcheck(net.client(), ["tcp".to_owned(), target(&net, Family::V4)]).run();
    assert!(tries(run, &web, &net, Family::V4));
}

fn a_dead_path_of_several_is_named() {
    // The fork is router 0, the four branches 1 to 4.
    let web = Web::layers(&[1, 4, 1], LINK).dead(2);
    partial(&web, 2, 2);
}

fn a_dead_path_whose_router_is_silent_is_named_by_the_fork_before_it() {
    let web = Web::layers(&[1, 4, 1], LINK).dead(3).silent(3);
    partial(&web, 1, 0);
}

/// A check of this net finds that some paths are dead at or after this router.
fn partial(web: &Web, hop: usize, router: usize) {
    let net = up(web);
    for family in Family::BOTH {
        let words = ["tcp".to_owned(), target(&net, family)];
        let run = || {
            Run::nwcheck(net.client(), words.clone())
                .arguments(["-c", "16"])
                .run()
        };
        // One check in a hundred meets the dead path with none of its connections.
        let found = (0..3).map(|_| run()).find(|found| found.cause().is_some());
        let found = found.expect("three checks that meet no dead path");
        assert_eq!(
            found.cause().as_deref(),
            Some("path-partial"),
            "{family:?} {found}"
        );
        found.blames("path-partial", hop, Web::address(family, router));
        found.within(Duration::from_secs(10));
    }
}

fn a_service_that_drops_some_flows_is_no_path() {
    let web = Web::layers(&[1, 4, 1], LINK);
    let net = up(&web);
    // By bits of the source port that differ: every fourth flow never gets an answer, whatever path it takes.
    net.simulation
        .server()
        .drops(Hook::Input, "tcp dport 443 tcp sport & 6 == 2");
    let words = ["tcp".to_owned(), target(&net, Family::V4)];
    let found = Run::nwcheck(net.client(), words)
        .arguments(["-c", "16"])
        .run();
    assert_eq!(
        found.cause().as_deref(),
        Some("destination-intermittent"),
        "{found}"
    );
}

fn large_datagrams_that_vanish_are_said_and_are_no_finding() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    lab.router(2)
        .drops(Hook::Forward, "meta l4proto udp meta length > 1300");
    for family in Family::BOTH {
        let found = check(&lab, family).run();
        found.passes();
        found.says("/endpoints/0/path/mtu", serde_json::Value::Null);
        assert_eq!(found.at("/findings"), serde_json::json!([]), "{found}");
        let told = found.at("/not_measured").to_string();
        assert!(
            told.contains("hop 2 is the last that answers one of"),
            "{found}"
        );
    }
}

fn hops_are_named_by_the_table_of_autonomous_systems() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("systems.tsv");
    let (first, second) = (lab.hop(Family::V4, 1), lab.hop(Family::V6, 2));
    let rows = format!(
        "0.0.0.0\t255.255.255.255\t0\tNone\tNot routed\n{first}\t{first}\t64500\tZZ\tNEAR Near Ltd\n{second}\t{second}\t64501\tZZ\tFAR\n"
    );
    std::fs::write(&table, rows).expect("the table");
    for (family, hop, number, name) in [
        (Family::V4, 0, 64500, "NEAR Near Ltd"),
        (Family::V6, 1, 64501, "FAR"),
    ] {
        let path = table.to_str().expect("a path in UTF-8");
        // Root may read the folder.
        let found = check(&lab, family)
            .arguments(["--as-database", path])
            .root()
            .run();
        found.passes();
        let system = format!("/endpoints/0/path/hops/{hop}/nodes/0/autonomous_system");
        found.says(&format!("{system}/number"), number);
        found.says(&format!("{system}/name"), name);
        let other = format!(
            "/endpoints/0/path/hops/{}/nodes/0/autonomous_system",
            1 - hop
        );
        found.says(&other, serde_json::Value::Null);
    }
}

fn a_narrow_link_on_the_way_is_said_with_its_router() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    // The link between the second and the third router.
    lab.router(2).set_mtu("right", 1400);
    lab.router(3).set_mtu("left", 1400);
    for family in Family::BOTH {
        for run in [check(&lab, family), check(&lab, family).root()] {
            let found = run.run();
            found.passes();
            let finding = found.finding("path-mtu-reduced");
            assert_eq!(finding["hop"], 2, "{found}");
            found.says("/endpoints/0/path/mtu/value", 1400);
        }
    }
    // The hosts that drop datagrams in silence leave it to the last router.
    lab.server().drops(Hook::Input, "meta l4proto udp");
    check(&lab, Family::V4)
        .run()
        .passes()
        .says("/endpoints/0/path/mtu/value", 1400)
        .says("/endpoints/0/path/mtu/until", 3);
}

fn a_host_silent_to_datagrams_is_no_narrow_path() {
    let lab = Lab::routers(3).build();
    let _service = serve(lab.server(), PORT);
    lab.server().drops(Hook::Input, "meta l4proto udp");
    for family in Family::BOTH {
        let found = check(&lab, family).run();
        found.passes();
        assert_eq!(found.at("/findings"), serde_json::json!([]), "{found}");
        // So far it was seen, and no farther.
        found.says("/endpoints/0/path/mtu/value", 1500);
        found.says("/endpoints/0/path/mtu/until", 3);
    }
}

fn a_datagram_that_this_machine_does_not_send_says_nothing_of_the_path() {
    let lab = Lab::routers(2).build();
    let _service = serve(lab.server(), PORT);
    lab.client()
        .drops(Hook::Output, "meta l4proto udp meta length > 1300");
    for family in Family::BOTH {
        let found = check(&lab, family).run();
        found.passes();
        found.says("/endpoints/0/path/mtu", serde_json::Value::Null);
        let told = found.at("/not_measured").to_string();
        assert!(told.contains("this machine did not send"), "{found}");
    }
}

/// The net with a service at its end; ping sockets are allowed.
pub(super) fn up(web: &Web) -> Net {
    let simulation = Simulation::web(web);
    simulation.client().allow_ping_sockets();
    // Many traces follow one another: the host at the end answers them all.
    simulation.server().icmp_ratelimit(0);
    let service = serve(simulation.server(), PORT);
    Net {
        simulation,
        _service: service,
    }
}

pub(super) struct Net {
    simulation: Simulation,
    _service: crate::services::Service,
}

impl Net {
    pub(super) fn client(&self) -> &Namespace {
        self.simulation.client()
    }

    pub(super) fn server(&self, family: Family) -> IpAddr {
        self.simulation.server_address(family)
    }
}

fn target(net: &Net, family: Family) -> String {
    SocketAddr::new(net.server(family), PORT).to_string()
}

/// `nwcheck trace` with these probes; datagrams go to a port where nobody listens.
pub(super) fn trace(net: &Net, family: Family, protocol: &str) -> Run {
    let to = match protocol {
        "tcp" => target(net, family),
        _ => net.server(family).to_string(),
    };
    let words = ["trace", "--protocol", protocol, &to];
    Run::nwcheck(net.client(), words)
}

fn hops(outcome: &Outcome) -> usize {
    let path = outcome.at("/endpoints/0/path/hops");
    path.as_array().map_or(0, Vec::len)
}

#[track_caller]
pub(super) fn has_nothing_false(outcome: &Outcome, web: &Web, net: &Net, family: Family) {
    let truth = web.truth(family, net.server(family));
    let found = Truth::told(&outcome.report());
    let nodes: Vec<_> = found.nodes.difference(&truth.nodes).collect();
    let links: Vec<_> = found.links.difference(&truth.links).collect();
    assert!(
        nodes.is_empty(),
        "nodes that are not there: {nodes:?}\n{outcome}"
    );
    assert!(
        links.is_empty(),
        "links that are not there: {links:?}\n{outcome}"
    );
}

#[track_caller]
pub(super) fn finds_all(outcome: &Outcome, web: &Web, net: &Net, family: Family) {
    has_nothing_false(outcome, web, net, family);
    outcome.passes();
    assert_eq!(
        Truth::told(&outcome.report()),
        web.truth(family, net.server(family)),
        "{outcome}"
    );
}

/// Whether one of a few tries finds all; none may find what is not there.
#[track_caller]
fn tries(run: impl Fn() -> Outcome, web: &Web, net: &Net, family: Family) -> bool {
    let truth = web.truth(family, net.server(family));
    (0..TRIES).any(|_| {
        let outcome = run();
        outcome.passes();
        has_nothing_false(&outcome, web, net, family);
        Truth::told(&outcome.report()) == truth
    })
}
