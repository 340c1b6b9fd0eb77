//! The lab: the real kernel, in network namespaces that this program makes.
//!
//! Every case builds its own network (clients, routers, servers, firewalls, name servers), makes a fault in it, runs
//! the real binary inside as an ordinary user, and judges report and exit status. Nothing leaves the machine, and
//! nothing of it is changed.
//!
//! | module | what it is for |
//! |---|---|
//! | `ability` | can a lab be made here, and if not, why |
//! | `net` | namespaces, links, addresses, routes, rules: rtnetlink, no programs |
//! | `topology`, `diamond` | the networks that most cases want |
//! | `sim` | paths with delay and loss: simulated routers behind tun interfaces |
//! | `firewall` | what routers and hosts drop, reject and rewrite (`nft`) |
//! | `services`, `nameserver` | what answers on a port |
//! | `run`, `private_etc`, `privilege`, `outcome` | the binary in the lab, what files it sees, as whom it runs, and what came out of it |
//! | `picture` | what a terminal shows, as an SVG |
//! | `probe` | plain probes of the harness's own, to check the lab itself |
//! | `harness` | the lab's tests of itself |
//! | `rules` | the evaluator of packet rules against the kernel: random rule sets, random flows, and what became of them |
//! | `cases` | the tests of the tool: each finding with its fault and a healthy neighbour, and healthy networks that look odd |
//!
//! A case that can't run is reported as ignored with the reason. With `NWCHECK_LAB=required` in the environment it
//! fails instead, so that CI notices. `NWCHECK_LAB_KEEP=FOLDER` keeps every report that was made.

#![allow(
    dead_code,
    reason = "the harness offers more kinds of fault than the cases of one day use"
)]
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that can't be set up stops with the reason"
)]
#![allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "an address is asked of the network that it belongs to, and a setting reads best as it is written"
)]

#[cfg(target_os = "linux")]
mod ability;
#[cfg(target_os = "linux")]
mod case;
#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod diamond;
#[cfg(target_os = "linux")]
mod firewall;
#[cfg(target_os = "linux")]
mod harness;
#[cfg(target_os = "linux")]
mod nameserver;
#[cfg(target_os = "linux")]
mod net;
#[cfg(target_os = "linux")]
mod outcome;
#[cfg(target_os = "linux")]
mod picture;
#[cfg(target_os = "linux")]
mod private_etc;
#[cfg(target_os = "linux")]
mod privilege;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod rules;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod services;
#[cfg(target_os = "linux")]
mod sim;
#[cfg(target_os = "linux")]
mod topology;

/// Tests at a time: they mostly wait.
#[cfg(target_os = "linux")]
const THREADS: usize = 4;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let ability = if arguments.list {
        ability::Ability::default()
    } else {
        // Before any thread is started: only a process of one thread may enter a user namespace.
        ability::Ability::find()
    };
    let cases = [harness::cases(), rules::cases(), cases::cases()]
        .into_iter()
        .flatten();
    let trials = cases.map(|case| case.trial(ability.clone())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    run::clean_up();
    for name in case::unsteady() {
        eprintln!("unsteady: {name} failed once; see above for what it said");
    }
    conclusion.exit_code()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the lab needs Linux: no test was run");
}
