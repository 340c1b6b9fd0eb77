//! How fast and how truly paths are told: nwcheck beside the other tools that are installed, on the same simulated nets in the same run.
//!
//! `cargo bench --bench paths`; `-- WORD` runs the nets whose name has that word, `-- --runs N` repeats each measurement so often (5).
//! Everything happens in network namespaces of its own, behind tun devices; nothing leaves the machine, no run sends more than some
//! hundred packets a second, and each is ended after 30 s. Where namespaces can't be had it says why, and measures nothing.
//!
//! What the columns mean: `wall` is the median and the longest time of a run, from its start to its end. `probes` are the packets with
//! a limited TTL that the client's interface sent, whoever sent them. `right`, `missing` and `false` are nodes and links held against the
//! truth, in the median run; a tool that lists addresses by hop draws no links: those between all neighbours of its list are counted, as
//! a reader would draw them. `rtt error` is the median difference from the net's own delay. `cpu` and `memory` are `getrusage`'s for the
//! child; a program that does nothing stands in the last line, since what this one had touched when it forked counts in.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "the lab's harness offers more than a measurement uses"
)]
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that can't be set up stops with the reason, and the table goes to standard output"
)]
#![allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the lab's harness is taken as it is"
)]

#[cfg(target_os = "linux")]
#[path = "../../tests/lab/ability.rs"]
mod ability;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/case.rs"]
mod case;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/firewall.rs"]
mod firewall;
#[cfg(target_os = "linux")]
mod measure;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/nameserver.rs"]
mod nameserver;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/net/mod.rs"]
mod net;
#[cfg(target_os = "linux")]
mod nets;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/outcome.rs"]
mod outcome;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/private_etc.rs"]
mod private_etc;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/privilege.rs"]
mod privilege;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/run.rs"]
mod run;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/services.rs"]
mod services;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/sim/mod.rs"]
mod sim;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
#[path = "../../tests/lab/topology.rs"]
mod topology;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let mut words = Vec::new();
    let mut runs = 5;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What cargo adds.
            "--bench" => {}
            "--runs" => {
                let number = arguments.next().and_then(|text| text.parse().ok());
                let Some(number @ 1..=100) = number else {
                    eprintln!("--runs wants a number from 1 to 100, such as --runs 5");
                    return ExitCode::from(2);
                };
                runs = number;
            }
            _ => words.push(argument),
        }
    }
    // Before any thread is started: only a process of one thread may enter a user namespace.
    let ability = ability::Ability::find();
    if let Some(reason) = ability.lacks(&[ability::Need::Tun]) {
        println!("nothing was measured: {reason}");
        return ExitCode::SUCCESS;
    }
    measure::all(runs, &words, ability.lacks(&[ability::Need::Nft]).is_none());
    run::clean_up();
    ExitCode::SUCCESS
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("nothing was measured: it needs Linux");
}
