//! This machine's packet rules: listed by their own programs, and what they make of the flows of a check.
//!
//! The programs are started before the capabilities are given up, while they may still see the rules, and run beside everything else.
//! What they write is kept, bounded, and read only when a probe fails; whoever is not needed to the end is killed. Nothing is changed:
//! a program that would make the kernel load a module is not started.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::Recorder;
use crate::model::evidence::PACKET_RULES;
use crate::model::firewall::{
    Firewall, JudgedFlow, LONGEST_RULE, LOOPBACK, QuotedRule, RuleProgram, Ruling, Says,
};
use crate::model::local::RouteKind;
use crate::model::source::Privilege;
use crate::model::target::Protocol;
use crate::model::topology::TraceProtocol;
use crate::model::{Address, Endpoint, Evidence, Operation, Options};
use crate::net::program::{self, Running};
use crate::net::system::{self, Legacy, Presence};
use crate::policy::{self, Answer, Cited, Family, Listed, Origin, Outcome, Ruleset};

/// What a program lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Json,
    Words,
    ByNft(Family),
    Legacy(Family),
}

/// What was listed, as it was written.
#[derive(Debug, Default)]
struct Texts {
    programs: Vec<String>,
    gaps: Vec<String>,
    written: Vec<(Role, String)>,
}

/// What was listed, as it was read.
#[derive(Debug)]
struct Read {
    programs: Vec<String>,
    ruleset: Ruleset,
}

/// What becomes of the rules; empty before they were read.
type Known = Option<Result<Arc<Read>, String>>;

/// The rules of this machine, on their way. Clones share them; with the last one the programs end.
#[derive(Debug, Clone)]
pub struct Rules(Rc<State>);

#[derive(Debug)]
enum State {
    /// They can't be had.
    Unread(Why),
    /// They are listed, and read once somebody wants them.
    Listing {
        wanted: Arc<Notify>,
        known: watch::Receiver<Known>,
        task: AbortHandle,
    },
}

/// Why rules are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// This user may not.
    NotPermitted,
    /// They were read once, and may have been changed since.
    Old,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Self::Listing { task, .. } = self {
            task.abort();
        }
    }
}

/// Programs that were started and not waited for yet.
#[derive(Debug)]
pub struct Started(Option<Vec<Lister>>, Vec<String>);

#[derive(Debug)]
struct Lister {
    role: Role,
    command: String,
    running: Result<Running, String>,
}

impl Started {
    /// Starts what lists the rules of this network namespace. It takes root with `CAP_NET_ADMIN`; nothing is started without, nor where this
    /// machine is not to be looked at. To be called before the capabilities are given up.
    pub fn now(options: &Options, privileges: &[Privilege]) -> Self {
        let may = [Privilege::Root, Privilege::CapNetAdmin];
        if !options.local || !may.iter().all(|one| privileges.contains(one)) {
            return Self(None, Vec::new());
        }
        let mut gaps = Vec::new();
        let mut listers = Vec::new();
        let mut start = |role, name: &str, arguments: &[&str]| {
            let running = program::start(name, arguments).map_err(|error| error.to_string());
            let command = [&[name], arguments].concat().join(" ");
            listers.push(Lister {
                role,
                command,
                running,
            });
        };
        match system::module("nf_tables") {
            Presence::Present => {
                start(Role::Json, "nft", &["-j", "list", "ruleset"]);
                // With the kernel's own code of each rule, for what nft leaves unsaid.
                let words = ["-a", "--debug=netlink", "list", "ruleset"];
                start(Role::Words, "nft", &words);
                // Rules of iptables in nftables hold extensions, which nft has no words for.
                if system::module("nft_compat") == Presence::Present {
                    for (family, name) in [(Family::Ip, "iptables"), (Family::Ip6, "ip6tables")] {
                        if let Some(name) = variant(name, "nft") {
                            start(Role::ByNft(family), &name, &[]);
                        }
                    }
                }
            }
            Presence::Absent => {}
            Presence::Unknown => gaps.push(
                "whether this kernel has nftables can't be told without loading it".to_owned(),
            ),
        }
        for (family, name, v6) in [
            (Family::Ip, "iptables", false),
            (Family::Ip6, "ip6tables", true),
        ] {
            match system::legacy_tables(v6) {
                Legacy::None => {}
                Legacy::Some => match variant(name, "legacy") {
                    Some(name) => start(Role::Legacy(family), &name, &[]),
                    None => gaps.push(format!(
                        "there are tables of {name} (legacy), and no {name}-legacy-save to list them"
                    )),
                },
                Legacy::Unreadable => gaps.push(format!(
                    "whether there are tables of {name} (legacy) can't be told"
                )),
            }
        }
        Self(Some(listers), gaps)
    }

    /// Keeps what the programs write, beside everything else.
    ///
    /// # Panics
    /// Outside a `LocalSet`.
    pub fn collected(self) -> Rules {
        let Self(Some(listers), gaps) = self else {
            return Rules(Rc::new(State::Unread(Why::NotPermitted)));
        };
        let wanted = Arc::new(Notify::new());
        let (tell, known) = watch::channel(None);
        let bell = wanted.clone();
        let task = tokio::task::spawn_local(async move {
            let texts = collect(listers, gaps).await;
            bell.notified().await;
            // Thousands of rules take a moment, which probes must not wait for.
            let read = tokio::task::spawn_blocking(move || read(texts)).await;
            let read = read.unwrap_or_else(|_| Err("their list can't be read".to_owned()));
            // Nobody may be left who wants to know.
            let _ = tell.send(Some(read.map(Arc::new)));
        });
        Rules(Rc::new(State::Listing {
            wanted,
            known,
            task: task.abort_handle(),
        }))
    }
}

/// `iptables-nft-save`, or `iptables-save` where that is the same.
fn variant(name: &str, of: &str) -> Option<String> {
    let own = format!("{name}-{of}-save");
    if program::file_name(&own).is_some() {
        return Some(own);
    }
    let plain = format!("{name}-save");
    let file = program::file_name(&plain)?;
    // Before there were two, all was what is legacy now.
    let by_nft = file.contains("nft");
    (by_nft == (of == "nft")).then_some(plain)
}

async fn collect(listers: Vec<Lister>, gaps: Vec<String>) -> Texts {
    let mut texts = Texts {
        gaps,
        ..Texts::default()
    };
    let mut outputs = Vec::new();
    for lister in listers {
        let Lister {
            role,
            command,
            running,
        } = lister;
        // All at once: each of them waits when nobody reads what it writes.
        let output = tokio::task::spawn_local(async move {
            match running {
                Ok(running) => running.output().await.map_err(|error| error.to_string()),
                Err(error) => Err(error),
            }
        });
        outputs.push((role, command, Aborting(output)));
    }
    for (role, command, mut output) in outputs {
        match (&mut output.0).await {
            Ok(Ok(text)) => {
                texts.programs.push(command);
                texts.written.push((role, text));
            }
            // Without them rules are only not understood, or not put into words.
            _ if matches!(role, Role::Words | Role::ByNft(_)) => {}
            Ok(Err(error)) => texts.gaps.push(error),
            Err(_) => texts
                .gaps
                .push(format!("{command} was not heard to its end")),
        }
    }
    texts
}

/// A task that ends with its handle.
struct Aborting<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn read(texts: Texts) -> Result<Read, String> {
    let Texts {
        programs,
        gaps,
        written,
    } = texts;
    let of = |wanted: Role| {
        let found = written.iter().find(|(role, _)| *role == wanted);
        found.map(|(_, text)| text.as_str())
    };
    let saved = |role: fn(Family) -> Role| {
        [Family::Ip, Family::Ip6]
            .into_iter()
            .filter_map(|family| Some((family, of(role(family))?.to_owned())))
            .collect::<Vec<_>>()
    };
    let (by_nft, legacy) = (saved(Role::ByNft), saved(Role::Legacy));
    let mut ruleset = policy::read(Listed {
        nft: of(Role::Json).map(|json| (json, of(Role::Words))),
        iptables_by_nft: &by_nft,
        iptables: &legacy,
    })?;
    ruleset.gaps.extend(gaps);
    Ok(Read { programs, ruleset })
}

impl Rules {
    /// The same for a check that begins later: rules may have been changed since they were listed.
    #[must_use]
    pub fn later(&self) -> Self {
        match *self.0 {
            State::Unread(_) => self.clone(),
            State::Listing { .. } => Self(Rc::new(State::Unread(Why::Old))),
        }
    }

    /// Why they can't be had, and the command that gets them.
    fn unread(&self, recorder: &Recorder) -> Option<(&'static str, String)> {
        match *self.0 {
            State::Listing { .. } => None,
            State::Unread(Why::NotPermitted) => Some((
                "they are shown to root alone (CAP_NET_ADMIN)",
                super::as_root(recorder),
            )),
            State::Unread(Why::Old) => Some((
                "they were listed before the first attempt, and may have been changed since",
                "sudo nft list ruleset".to_owned(),
            )),
        }
    }

    async fn known(&self) -> Result<Arc<Read>, String> {
        let State::Listing { wanted, known, .. } = &*self.0 else {
            return Err("they are not listed".to_owned());
        };
        wanted.notify_one();
        let mut known = known.clone();
        let told = known.wait_for(Option::is_some).await;
        let gone = || Err("their list was not heard to its end".to_owned());
        told.map_or_else(|_| gone(), |known| known.clone().unwrap_or_else(gone))
    }
}

/// Looks what the rules make of the flow to an endpoint under test, and records it; or notes that they can't be read.
pub async fn judge(recorder: Recorder, rules: Rules, endpoint: Endpoint) {
    let protocol = recorder.read(|evidence| match evidence.probe() {
        _ if evidence.target.protocol == Protocol::Trace => evidence.path_protocol(),
        Operation::Echo => TraceProtocol::Icmp,
        Operation::Datagram => TraceProtocol::Udp,
        _ => TraceProtocol::Tcp,
    });
    judge_flow(recorder, rules, endpoint, protocol).await;
}

/// The same for questions to name servers, by UDP.
pub async fn judge_name_servers(recorder: Recorder, rules: Rules, servers: BTreeSet<Endpoint>) {
    for server in servers {
        judge_flow(recorder.clone(), rules.clone(), server, TraceProtocol::Udp).await;
    }
}

async fn judge_flow(recorder: Recorder, rules: Rules, endpoint: Endpoint, protocol: TraceProtocol) {
    let missing = |why: String, command| recorder.note(PACKET_RULES, why, Some(command));
    if let Some((why, command)) = rules.unread(&recorder) {
        return missing(why.to_owned(), command);
    }
    let read = match rules.known().await {
        Ok(read) => read,
        Err(why) => return missing(why, "sudo nft list ruleset".to_owned()),
    };
    let Some(flow) = recorder.read(|evidence| flow(evidence, &endpoint, protocol)) else {
        return;
    };
    let listed = read.clone();
    let asked = flow.clone();
    let outcome =
        tokio::task::spawn_blocking(move || policy::evaluate(&listed.ruleset, &asked)).await;
    let Ok(outcome) = outcome else { return };
    let judged = judged(&endpoint, protocol, flow.interface, outcome);
    recorder.update(|evidence| {
        let firewall = evidence.local.firewall.get_or_insert_with(|| Firewall {
            programs: read.programs.clone(),
            rules: read.rules(),
            gaps: read.ruleset.gaps.clone(),
            flows: Vec::new(),
        });
        firewall
            .flows
            .retain(|known| known.endpoint != endpoint || known.protocol != protocol);
        firewall.flows.push(judged);
    });
}

impl Read {
    fn rules(&self) -> u32 {
        let chains = self.ruleset.tables.iter().flat_map(|table| &table.chains);
        let rules = chains.map(|chain| chain.rules.len()).sum::<usize>();
        u32::try_from(rules).unwrap_or(u32::MAX)
    }
}

/// The flow as the rules see it; none where no packet would leave.
fn flow(evidence: &Evidence, endpoint: &Endpoint, protocol: TraceProtocol) -> Option<policy::Flow> {
    let local = &evidence.local;
    let route = local.route_to(&endpoint.address)?;
    if !matches!(route.kind, RouteKind::Unicast | RouteKind::Local) {
        return None;
    }
    let asked = evidence.options.source.as_ref().map(Address::ip);
    let source = asked.or_else(|| route.source.as_ref().map(Address::ip))?;
    let interface = match route.kind {
        RouteKind::Local => Some(LOOPBACK.to_owned()),
        _ => route.interface.clone(),
    };
    let bridged = interface
        .as_ref()
        .and_then(|name| local.interface_named(name))
        .is_some_and(|interface| interface.kind.as_deref() == Some("bridge"));
    let v6 = endpoint.address.is_ipv6();
    let source_ports = evidence
        .options
        .source_port
        .map(|port| (port, port))
        .or_else(|| system::port_settings().ephemeral);
    Some(policy::Flow {
        protocol: match protocol {
            TraceProtocol::Udp => 17,
            TraceProtocol::Icmp if v6 => 58,
            TraceProtocol::Icmp => 1,
            _ => 6,
        },
        source,
        destination: endpoint.address.ip(),
        source_ports,
        destination_port: endpoint.port,
        interface,
        bridged,
        user: Some(nix::unistd::geteuid().as_raw()),
        group: Some(nix::unistd::getegid().as_raw()),
        own: local
            .addresses
            .iter()
            .map(Address::ip)
            .collect::<Vec<IpAddr>>(),
    })
}

fn judged(
    endpoint: &Endpoint,
    protocol: TraceProtocol,
    interface: Option<String>,
    outcome: Outcome,
) -> JudgedFlow {
    JudgedFlow {
        endpoint: endpoint.clone(),
        protocol,
        interface,
        out: ruling(outcome.out),
        answer: outcome.answer.map(ruling),
    }
}

fn ruling(answer: Answer) -> Ruling {
    match answer {
        Answer::Allows => Ruling::ALLOWS,
        Answer::Denies { by, rejects } => Ruling {
            says: Says::Denies,
            rule: Some(quoted(by)),
            rejects,
            why: None,
        },
        Answer::CantTell { because, why } => Ruling {
            says: Says::CantTell,
            rule: because.map(quoted),
            rejects: None,
            why: Some(why),
        },
    }
}

fn quoted(cited: Cited) -> QuotedRule {
    QuotedRule {
        program: match cited.origin {
            Origin::Nft => RuleProgram::Nft,
            Origin::IptablesByNft => RuleProgram::Iptables,
            Origin::Iptables => RuleProgram::IptablesLegacy,
        },
        family: cited.family.name().to_owned(),
        table: cited.table,
        chain: cited.chain,
        hook: cited.hook.map(|hook| hook.name().to_owned()),
        handle: cited.handle,
        is_policy: cited.is_policy,
        text: shortened(&cited.text),
    }
}

/// A rule's text, cut where it is long: a set of thousands of addresses stands in it as one.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_RULE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_rule_is_cut_and_a_short_one_is_whole() {
        let set = "10.0.0.1, ".repeat(1000);
        let short = shortened(&format!("ip daddr {{ {set} }} drop"));
        assert!(short.chars().count() == LONGEST_RULE + 1 && short.ends_with('…'));
        assert_eq!(shortened("tcp dport 443 drop"), "tcp dport 443 drop");
        assert_eq!(shortened("“é”"), "“é”");
    }

    #[test]
    fn what_could_not_be_listed_leaves_it_open() {
        let texts = Texts {
            gaps: vec!["nft is not installed".to_owned()],
            ..Texts::default()
        };
        let read = read(texts).unwrap();
        let flow = policy::Flow {
            protocol: 6,
            source: "192.0.2.1".parse().unwrap(),
            destination: "192.0.2.2".parse().unwrap(),
            source_ports: None,
            destination_port: Some(443),
            interface: None,
            bridged: false,
            user: None,
            group: None,
            own: Vec::new(),
        };
        let out = ruling(policy::evaluate(&read.ruleset, &flow).out);
        assert_eq!(
            (out.says, out.why.as_deref()),
            (Says::CantTell, Some("nft is not installed"))
        );
    }

    #[test]
    fn who_is_not_root_starts_nothing() {
        let may = [Privilege::CapNetAdmin, Privilege::CapNetRaw];
        assert!(Started::now(&Options::default(), &may).0.is_none());
        let root = [Privilege::Root, Privilege::CapNetAdmin];
        let unasked = Options {
            local: false,
            ..Options::default()
        };
        assert!(Started::now(&unasked, &root).0.is_none());
    }
}
