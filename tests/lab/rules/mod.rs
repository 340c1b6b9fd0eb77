//! The evaluator of packet rules against the kernel: random rule sets are loaded, listed and read; random flows are sent for real; what
//! became of each must not be other than what the evaluator said.
//!
//! `NWCHECK_RULE_SETS=5000` asks for so many rule sets of each kind in place of the few of every run, `NWCHECK_RULES_SEED` for others.

mod dice;
mod iptables;
mod nft;
mod shapes;
mod traffic;

use std::{env, io::Write as _, net::IpAddr, process::Stdio};

use nwcheck::policy::{self, Answer, Family, Flow, Ruleset};

use crate::{
    ability::{bare, program},
    case::{Case, cases},
    net::Namespace,
};
use dice::Dice;
use shapes::Shape;
use traffic::{Hosts, Kind, OWN, PORTS, Probe};

/// What nft is asked for beside the JSON.
const TEXT: &[&str] = &["-a", "--debug=netlink", "list", "ruleset"];
/// Rule sets of each kind in every run.
const SETS: usize = 25;
/// Flows for one rule set.
const FLOWS: usize = 24;
/// After so many rule sets the hosts are made anew: connections that were tracked are forgotten with them.
const FRESH: usize = 100;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        rules_of_nft_do_what_the_evaluator_says: [Nft],
        rules_of_iptables_do_what_the_evaluator_says: [Nft],
        rules_of_iptables_by_nft_do_what_the_evaluator_says: [Nft],
        of_rules_as_firewalls_make_them_few_can_t_be_told: [Nft],
    ]
}

/// How many flows came out how.
#[derive(Default, Debug)]
struct Tally {
    sets: usize,
    flows: usize,
    allowed: usize,
    denied: usize,
    untold: usize,
    refused_rules: usize,
}

fn rules_of_nft_do_what_the_evaluator_says() {
    run("nft", 4, |client, dice, tally| {
        let script = nft::script(dice);
        let mut rules = script.rules;
        // What the kernel or nft refuse is left out: which rules may stand where is not what is looked at.
        loop {
            let lines: Vec<&str> = script
                .frame
                .iter()
                .chain(&rules)
                .map(String::as_str)
                .collect();
            let Err(error) = load(client, "nft", &["-f", "-"], &lines.join("\n")) else {
                break;
            };
            let frame = script.frame.len();
            let mut wrong: Vec<usize> = error
                .lines()
                .filter_map(|line| {
                    line.strip_prefix("/dev/stdin:")?
                        .split(':')
                        .next()?
                        .parse()
                        .ok()
                })
                .collect();
            wrong.sort_unstable();
            wrong.dedup();
            let before = rules.len();
            for line in wrong.into_iter().rev().filter(|line| *line > frame) {
                rules.remove(line - frame - 1);
            }
            assert!(rules.len() < before, "nft refuses what is no rule: {error}");
            tally.refused_rules += before - rules.len();
        }
        read_nft(client)
    });
}

fn rules_of_iptables_do_what_the_evaluator_says() {
    if program("iptables-legacy-restore").is_err() {
        return;
    }
    run("iptables", 4, |client, dice, tally| {
        let mut ruleset = Ruleset::default();
        for (v6, restore, save) in [
            (false, "iptables-legacy-restore", "iptables-legacy-save"),
            (true, "ip6tables-legacy-restore", "ip6tables-legacy-save"),
        ] {
            restore_all(client, dice, tally, v6, restore);
            let family = if v6 { Family::Ip6 } else { Family::Ip };
            let read = policy::iptables::read(&listed(client, save, &[]), family);
            ruleset.tables.extend(read.tables);
            ruleset.gaps.extend(read.gaps);
        }
        ruleset
    });
}

fn rules_of_iptables_by_nft_do_what_the_evaluator_says() {
    if program("iptables-nft-restore").is_err() {
        return;
    }
    run("iptables-nft", 4, |client, dice, tally| {
        load(client, "nft", &["-f", "-"], "flush ruleset").expect("an empty rule set");
        for (v6, restore) in [
            (false, "iptables-nft-restore"),
            (true, "ip6tables-nft-restore"),
        ] {
            restore_all(client, dice, tally, v6, restore);
        }
        read_all(client)
    });
}

/// What nft lists, with the rules of iptables as those programs write them.
fn read_all(client: &Namespace) -> Ruleset {
    let saved = ["iptables-nft-save", "ip6tables-nft-save"].map(|name| listed(client, name, &[]));
    let [ip, ip6] = saved;
    let json = listed(client, "nft", &["-j", "list", "ruleset"]);
    let text = listed(client, "nft", TEXT);
    policy::read(policy::Listed {
        nft: Some((&json, Some(&text))),
        iptables_by_nft: &[(Family::Ip, ip), (Family::Ip6, ip6)],
        iptables: &[],
    })
    .expect("what nft lists can be read")
}

fn of_rules_as_firewalls_make_them_few_can_t_be_told() {
    let has = |name: &str| program(name).is_ok();
    for (kind, make) in shapes::SHAPES {
        let by_nft = has("iptables-nft-restore");
        let iptables = matches!(make(&mut Dice::new(0)), Shape::Iptables(..));
        if iptables && !by_nft {
            continue;
        }
        run(kind, 10, |client, dice, tally| {
            load(client, "nft", &["-f", "-"], "flush ruleset").expect("an empty rule set");
            match make(dice) {
                Shape::Nft(text) => {
                    load(client, "nft", &["-f", "-"], &text)
                        .unwrap_or_else(|error| panic!("{kind}: {error}"));
                    read_nft(client)
                }
                Shape::Iptables(ip, ip6) => {
                    for (restore, text) in
                        [("iptables-nft-restore", ip), ("ip6tables-nft-restore", ip6)]
                    {
                        restore_lines(
                            client,
                            tally,
                            restore,
                            text.lines().map(str::to_owned).collect(),
                        );
                    }
                    read_all(client)
                }
            }
        });
    }
}

/// Loads random rules for one family; what is refused is left out.
fn restore_all(client: &Namespace, dice: &mut Dice, tally: &mut Tally, v6: bool, restore: &str) {
    let tables = ["raw", "mangle", "nat", "filter", "security"];
    let empty = tables
        .map(|table| {
            format!(
                "*{table}
COMMIT
"
            )
        })
        .concat();
    load(client, restore, &[], &empty).expect("empty tables");
    restore_lines(client, tally, restore, iptables::script(dice, v6));
}

/// Loads these lines; what is refused is left out.
fn restore_lines(client: &Namespace, tally: &mut Tally, restore: &str, mut lines: Vec<String>) {
    while let Err(error) = load(client, restore, &[], &(lines.join("\n") + "\n")) {
        let number = |line: &str| {
            let digits = |word: &str| {
                word.trim_matches(|c: char| !c.is_ascii_digit())
                    .parse::<usize>()
                    .ok()
            };
            line.split("line").nth(1).and_then(|after| {
                digits(
                    after
                        .split_whitespace()
                        .find(|word| digits(word).is_some())?,
                )
            })
        };
        let wrong = error.lines().find_map(number);
        let wrong = wrong.unwrap_or_else(|| panic!("{restore}: {error}\n{}", lines.join("\n")));
        // What is refused only with the whole table is looked for from its end.
        let rule = lines[..wrong]
            .iter()
            .rposition(|line| line.starts_with("-A"));
        lines.remove(rule.unwrap_or_else(|| panic!("{restore} refuses what is no rule: {error}")));
        tally.refused_rules += 1;
    }
}

fn read_nft(client: &Namespace) -> Ruleset {
    let json = listed(client, "nft", &["-j", "list", "ruleset"]);
    let text = listed(client, "nft", TEXT);
    policy::nft::read(&json, Some(&text)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn listed(client: &Namespace, name: &str, arguments: &[&str]) -> String {
    let mut command = bare(&program(name).expect("the program is installed"));
    command.args(arguments);
    let output = client.run(|| command.output()).expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name}: {} {errors}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn load(client: &Namespace, name: &str, arguments: &[&str], text: &str) -> Result<(), String> {
    let mut command = bare(&program(name)?);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let output = client.run(|| {
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        child.wait_with_output()
    });
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Compares so many random rule sets with the kernel. Of so many flows fewer than one may be such that it can't be told.
fn run(
    kind: &str,
    one_of: usize,
    mut make: impl FnMut(&Namespace, &mut Dice, &mut Tally) -> Ruleset,
) {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
    };
    let sets = number("NWCHECK_RULE_SETS").unwrap_or(SETS);
    let seed = number("NWCHECK_RULES_SEED").unwrap_or(0);
    let mut tally = Tally::default();
    let mut hosts = Hosts::new();
    let mut port: u16 = 20_000;
    for set in 0..sets {
        if set % FRESH == FRESH - 1 {
            hosts = Hosts::new();
            port = 20_000;
        }
        let mut dice = Dice::new(u64::try_from(seed + set).expect("a small number"));
        let ruleset = make(&hosts.client, &mut dice, &mut tally);
        let (probes, outcomes): (Vec<Probe>, Vec<policy::Outcome>) = (0..FLOWS)
            .map(|_| {
                port += 1;
                flow(&mut dice, port, &ruleset)
            })
            .unzip();
        let fates = hosts.send(&probes);
        for ((probe, outcome), fate) in probes.iter().zip(&outcomes).zip(fates) {
            let lets = |answer: &Answer| *answer == Answer::Allows;
            let stops = |answer: &Answer| matches!(answer, Answer::Denies { .. });
            let answer = outcome.answer.as_ref();
            let denied = stops(&outcome.out) || answer.is_some_and(stops);
            let allowed = lets(&outcome.out) && answer.is_some_and(lets);
            let udp = probe.kind == Kind::Udp;
            let contradicted = (denied && fate.answered)
                || (allowed && !fate.answered)
                || (udp && stops(&outcome.out) && fate.arrived)
                || (udp && lets(&outcome.out) && !fate.arrived);
            assert!(
                !contradicted,
                "{kind}, seed {}: {probe:?}\nthe evaluator says {outcome:#?}\nthe kernel {fate:?}\n{}",
                seed + set,
                listing(&hosts.client)
            );
            tally.flows += 1;
            tally.denied += usize::from(denied);
            tally.allowed += usize::from(allowed);
            tally.untold += usize::from(!denied && !allowed);
        }
        tally.sets += 1;
    }
    eprintln!("{kind}: {tally:?}");
    assert!(
        tally.untold * one_of < tally.flows,
        "{kind}: too much can't be told: {tally:?}"
    );
    assert!(tally.denied > 0 && tally.allowed > 0, "{kind}: {tally:?}");
}

/// A random flow, and what the evaluator says of it.
fn flow(dice: &mut Dice, source_port: u16, ruleset: &Ruleset) -> (Probe, policy::Outcome) {
    let kind = dice.of(&[Kind::Tcp, Kind::Udp, Kind::Udp, Kind::Echo]);
    let destination: IpAddr = dice
        .of(&[
            "10.9.0.2",
            "10.9.0.2",
            "10.9.0.3",
            "fd09::2",
            "fd09::3",
            "127.0.0.1",
            "::1",
            "10.9.0.1",
        ])
        .parse()
        .expect("an address");
    let v6 = destination.is_ipv6();
    let own: Vec<IpAddr> = OWN
        .iter()
        .map(|own| own.parse().expect("an address"))
        .collect();
    let here = destination.is_loopback() || own.contains(&destination);
    let source = if here {
        destination
    } else {
        own[usize::from(v6)]
    };
    let port = dice.of(&PORTS);
    let outcome = policy::evaluate(
        ruleset,
        &Flow {
            protocol: match kind {
                Kind::Tcp => 6,
                Kind::Udp => 17,
                Kind::Echo if v6 => 58,
                Kind::Echo => 1,
            },
            source,
            destination,
            source_ports: Some((source_port, source_port)),
            destination_port: Some(port),
            interface: Some(if here { "lo" } else { "eth0" }.to_owned()),
            bridged: false,
            user: Some(0),
            group: Some(0),
            own,
        },
    );
    let allows = |answer: Option<&Answer>| answer == Some(&Answer::Allows);
    let arrives = allows(Some(&outcome.out));
    let probe = Probe {
        kind,
        destination,
        port,
        source_port,
        arrives,
        answered: arrives && allows(outcome.answer.as_ref()),
    };
    (probe, outcome)
}

fn listing(client: &Namespace) -> String {
    ["nft", "iptables-legacy-save", "ip6tables-legacy-save"]
        .iter()
        .filter(|name| program(name).is_ok())
        .map(|name| listed(client, name, if *name == "nft" { TEXT } else { &[] }))
        .collect()
}
