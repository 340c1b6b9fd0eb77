//! Runs every tool on every net, and prints what it came to.

use std::time::Duration;

use crate::ability::program;
use crate::firewall::Hook;
use crate::nameserver::{NameServer, Zone};
use crate::net::Family;
use crate::nets::{Net, nets};
use crate::outcome::{Outcome, Usage};
use crate::run::Run;
use crate::services::{Service, Tcp};
use crate::sim::{Simulation, Truth, Web};
use crate::tools::{PORT, Tool, Up, tools};

/// What one run came to.
struct Measured {
    wall: Duration,
    probes: usize,
    nodes: Held,
    links: Held,
    rtt_error: Option<Duration>,
    usage: Usage,
}

/// What was told, held against the truth.
#[derive(Clone, Copy, Default)]
struct Held {
    right: usize,
    missing: usize,
    wrong: usize,
}

/// All measurements of the nets whose names have one of the words, each so often.
pub(crate) fn all(runs: usize, words: &[String], filters: bool) {
    let wanted =
        |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let (here, absent): (Vec<Tool>, Vec<Tool>) =
        tools().into_iter().partition(|tool| tool.lacks().is_none());
    println!(
        "{runs} runs each, a round trip of 40 ms to the server, routers that do not limit their answers."
    );
    for tool in &absent {
        println!(
            "not measured: {}: {}",
            tool.name,
            tool.lacks().unwrap_or_default()
        );
    }
    for net in nets().into_iter().filter(|net| wanted(net.name)) {
        println!("\n{}", net.name);
        println!(
            "  {:<33} {:>15} {:>6} {:>12} {:>13} {:>9} {:>7} {:>7} {:>6}",
            "",
            "wall, most",
            "probes",
            "nodes r/m/f",
            "links r/m/f",
            "rtt error",
            "cpu",
            "memory",
            "ratio"
        );
        let up = up(&net.web);
        let mut first = None;
        for tool in &here {
            let mut all: Vec<Measured> = (0..runs).map(|_| one(tool, &net, &up)).collect();
            all.sort_by_key(|one| one.wall);
            let middle = &all[all.len() / 2];
            let own = *first.get_or_insert(middle.wall);
            let most = all.last().map_or(middle.wall, |one| one.wall);
            line(
                tool.name,
                middle,
                most,
                middle.wall.as_secs_f64() / own.as_secs_f64(),
            );
        }
    }
    checks(runs, &wanted, filters);
    if let Ok(nothing) = program("true") {
        let up = up(&Web::layers(&[1], Duration::from_millis(1)));
        let outcome = Run::program(up.simulation.client(), nothing, [""; 0])
            .root()
            .run();
        println!(
            "\na program that does nothing: {}",
            used(outcome.elapsed, outcome.usage)
        );
    }
}

fn line(name: &str, one: &Measured, most: Duration, ratio: f64) {
    let held = |held: Held| format!("{}/{}/{}", held.right, held.missing, held.wrong);
    let error = one
        .rtt_error
        .map_or_else(|| "-".to_owned(), |error| format!("{:.3} ms", ms(error)));
    println!(
        "  {name:<33} {:>7.3} {:>5.2} s {:>6} {:>12} {:>13} {error:>9} {:>4.0} ms {:>4.1} MB {ratio:>6.2}",
        one.wall.as_secs_f64(),
        most.as_secs_f64(),
        one.probes,
        held(one.nodes),
        held(one.links),
        ms(one.usage.processor),
        megabytes(one.usage),
    );
}

fn one(tool: &Tool, net: &Net, up: &Up) -> Measured {
    let before = up.simulation.limited_packets();
    let outcome = tool.run(up);
    let probes = up.simulation.limited_packets() - before;
    let told = tool.read(&outcome);
    let truth = net.web.truth(Family::V4, up.server());
    let mut errors: Vec<Duration> = told
        .trips
        .iter()
        .map(|(ttl, rtt)| rtt.abs_diff(net.link * 2 * u32::from(*ttl)))
        .collect();
    errors.sort_unstable();
    Measured {
        wall: outcome.elapsed,
        probes,
        nodes: hold(&told.truth.nodes, &truth.nodes),
        links: hold(&told.truth.links, &truth.links),
        rtt_error: errors.get(errors.len() / 2).copied(),
        usage: outcome.usage,
    }
}

fn hold<T: Ord>(
    told: &std::collections::BTreeSet<T>,
    truth: &std::collections::BTreeSet<T>,
) -> Held {
    Held {
        right: told.intersection(truth).count(),
        missing: truth.difference(told).count(),
        wrong: told.difference(truth).count(),
    }
}

fn up(web: &Web) -> Up {
    let simulation = Simulation::web(web);
    simulation.client().allow_ping_sockets();
    simulation.server().icmp_ratelimit(0);
    let service = Service::tcp(simulation.server(), PORT, Tcp::Silent);
    Up {
        simulation,
        _service: service,
    }
}

/// Whole checks: those that pass, and those of what is broken.
fn checks(runs: usize, wanted: &impl Fn(&str) -> bool, filters: bool) {
    let straight = || nets().remove(0).web;
    let fork = |silent: bool| {
        let web = Web::layers(&[1, 4, 1], Duration::from_millis(5)).dead(3);
        if silent { web.silent(3) } else { web }
    };
    let whole = up(&straight());
    let hole = up(&straight().dead(5));
    let (dead, mute) = (up(&fork(false)), up(&fork(true)));
    let filtered = up(&straight());
    if filters {
        let _table = filtered
            .simulation
            .server()
            .drops(Hook::Input, "tcp dport 443");
    }
    let zone = Zone::new().address("shop.test", whole.server());

    let client = whole.simulation.client();
    client.add_address("lo", "10.53.53.53/32");
    let at = "10.53.53.53".parse().expect("an address");

    let _name_server = NameServer::start(client, at, zone);
    let address = |net: &Up| net.server().to_string();
    let port = |net: &Up, port: u16| format!("{}:{port}", net.server());
    let cases: Vec<(&str, &Up, Vec<String>)> = vec![
        (
            "check by name, all well",
            &whole,
            vec!["tcp".into(), "shop.test:443".into()],
        ),
        (
            "check, all well",
            &whole,
            vec!["tcp".into(), port(&whole, PORT)],
        ),
        (
            "check icmp, all well",
            &whole,
            vec!["icmp".into(), address(&whole)],
        ),
        (
            "check, closed port",
            &whole,
            vec!["tcp".into(), port(&whole, 81)],
        ),
        (
            "check, filtered port",
            &filtered,
            vec!["tcp".into(), port(&filtered, PORT)],
        ),
        (
            "check, black hole, tcp",
            &hole,
            vec!["tcp".into(), port(&hole, PORT)],
        ),
        (
            "check, black hole, udp",
            &hole,
            vec!["udp".into(), port(&hole, 53)],
        ),
        (
            "check, black hole, icmp",
            &hole,
            vec!["icmp".into(), address(&hole)],
        ),
        (
            "check, one path of four dead",
            &dead,
            vec!["tcp".into(), port(&dead, PORT), "-c".into(), "16".into()],
        ),
        (
            "check, the same and silent",
            &mute,
            vec!["tcp".into(), port(&mute, PORT), "-c".into(), "16".into()],
        ),
    ];
    if !cases.iter().any(|(name, ..)| wanted(name)) {
        return;
    }
    println!("\nwhole checks (everything measured, nothing switched off)");
    for (name, net, words) in cases.into_iter().filter(|(name, ..)| wanted(name)) {
        if name.contains("filtered") && !filters {
            println!("  {name:<33} not measured: it needs nft");
            continue;
        }
        for (who, root) in [("root", true), ("user", false)] {
            let mut all: Vec<Outcome> = (0..runs)
                .map(|_| {
                    let run =
                        Run::nwcheck(net.simulation.client(), words.clone()).name_servers(&[at]);
                    if root { run.root() } else { run }.run()
                })
                .collect();
            all.sort_by_key(|outcome| outcome.elapsed);
            let middle = &all[all.len() / 2];
            let most = all.last().map_or(middle.elapsed, |outcome| outcome.elapsed);
            println!(
                "  {name:<33} {who} {}; at most {:.2} s; {}",
                used(middle.elapsed, middle.usage),
                most.as_secs_f64(),
                middle.cause().unwrap_or_else(|| "no finding".to_owned()),
            );
        }
    }
}

fn used(wall: Duration, usage: Usage) -> String {
    format!(
        "{:.3} s, cpu {:.0} ms, memory {:.1} MB",
        wall.as_secs_f64(),
        ms(usage.processor),
        megabytes(usage)
    )
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn megabytes(usage: Usage) -> f64 {
    f64::from(u32::try_from(usage.peak_kib).unwrap_or(u32::MAX)) / 1024.0
}
