//! Each rule on hand-built evidence: it fires, it is clear, it can't tell.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::diagnose::{Judge, Judgement, Need};
use crate::model::options::Family;
use crate::model::resolution::{Resolution, ServerAnswer, SourceAnswer, SourceKind, Transport};
use crate::model::source::{ResolverConfig, Source};
use crate::model::target::{Kind, Protocol, Target};
use crate::model::{
    Endpoint, Evidence, Finding, Id, Ms, Observation, Operation, Options, Outcome, Severity,
};

const FIRST: &str = "10.0.0.51:53";
const SECOND: &str = "10.0.0.52:53";

/// Evidence, built step by step.
struct Case(Evidence);

impl Case {
    /// A name that was asked for, with these servers configured.
    fn new(servers: &[&str]) -> Self {
        let target = Target {
            input: "db.corp.example:443".to_owned(),
            kind: Kind::Fqdn,
            protocol: Protocol::Tcp,
            host: "db.corp.example".to_owned(),
            port: Some(443),
            uri: None,
        };
        let source = Source {
            resolver: Some(ResolverConfig {
                file: Some("/etc/resolv.conf".to_owned()),
                servers: servers.iter().map(|text| text.parse().unwrap()).collect(),
                nsswitch: vec!["files".to_owned(), "dns".to_owned()],
                ..ResolverConfig::default()
            }),
            ..Source::default()
        };
        let mut evidence = Evidence::new(Timestamp::UNIX_EPOCH, Options::default(), target, source);
        evidence.resolution = Some(Resolution {
            names: vec!["db.corp.example".to_owned()],
            complete: true,
            ..Resolution::default()
        });
        Self(evidence)
    }

    fn resolution(&mut self) -> &mut Resolution {
        self.0.resolution.as_mut().unwrap()
    }

    fn with(mut self, change: impl FnOnce(&mut Evidence)) -> Self {
        change(&mut self.0);
        self
    }

    /// What the system's resolver said.
    fn system(mut self, outcome: Outcome, error: &str) -> Self {
        let id = self.observed(Operation::Resolve, None, outcome);
        self.resolution().sources.push(SourceAnswer {
            source: SourceKind::System,
            outcome,
            error: Some(error.to_owned()),
            ms: Some(Ms::from_millis(7)),
            addresses: Vec::new(),
            observation: Some(id),
        });
        self
    }

    /// One answer of a server.
    fn said(self, server: &str, record: &str, outcome: Outcome, answers: &[&str]) -> Self {
        self.heard(server, Transport::Udp, record, outcome, answers, false)
    }

    fn heard(
        mut self,
        server: &str,
        transport: Transport,
        record: &str,
        outcome: Outcome,
        answers: &[&str],
        checking_disabled: bool,
    ) -> Self {
        let address: Endpoint = server.parse().unwrap();
        let id = self.observed(Operation::Query, Some(address.clone()), outcome);
        let name = self.resolution().names[0].clone();
        self.resolution().servers.push(ServerAnswer {
            address,
            transport,
            name,
            record: record.to_owned(),
            outcome,
            ms: Some(Ms::from_millis(if outcome == Outcome::Timeout {
                2500
            } else {
                3
            })),
            answers: answers.iter().map(ToString::to_string).collect(),
            extended_errors: Vec::new(),
            truncated: false,
            checking_disabled,
            observation: Some(id),
        });
        self
    }

    /// The same outcome for A and AAAA.
    fn both(self, server: &str, outcome: Outcome) -> Self {
        self.said(server, "A", outcome, &[])
            .said(server, "AAAA", outcome, &[])
    }

    fn answers(self, server: &str) -> Self {
        self.said(server, "A", Outcome::Ok, &["A 192.0.2.7"]).said(
            server,
            "AAAA",
            Outcome::NoData,
            &[],
        )
    }

    fn observed(
        &mut self,
        operation: Operation,
        endpoint: Option<Endpoint>,
        outcome: Outcome,
    ) -> u32 {
        let mut observation = Observation::new(operation, Ms::ZERO, outcome);
        observation.endpoint = endpoint;
        self.0.record(observation)
    }

    fn resolved(mut self) -> Self {
        self.resolution().addresses = vec!["192.0.2.7".parse().unwrap()];
        self
    }

    fn judged(&self, id: Id) -> Judgement {
        judge(id, &self.0)
    }

    /// The one finding with this id; no other rule of the family fires as an error.
    fn finding(&self, id: Id) -> Finding {
        let mut fired: Vec<Finding> = fired(&self.0);
        let errors = fired.iter().filter(|f| f.severity == Severity::Error);
        assert!(errors.count() <= 1, "{fired:#?}");
        let at = fired.iter().position(|finding| finding.id == id);
        fired.swap_remove(at.unwrap_or_else(|| panic!("{id} does not fire: {fired:#?}")))
    }
}

fn judge(id: Id, evidence: &Evidence) -> Judgement {
    let rule = NAME.iter().find(|rule| rule.id == id).unwrap();
    let Judge::Check(judge) = rule.judge else {
        panic!("{id} judges the check")
    };
    judge(evidence)
}

fn fired(evidence: &Evidence) -> Vec<Finding> {
    NAME.iter()
        .filter_map(|rule| match judge(rule.id, evidence) {
            Judgement::Fires(finding) => Some(*finding),
            _ => None,
        })
        .collect()
}

fn facts(finding: &Finding) -> String {
    let texts: Vec<&str> = finding
        .evidence
        .iter()
        .map(|fact| fact.text.as_str())
        .collect();
    texts.join("\n")
}

fn unknown() -> Judgement {
    Judgement::Unknown(Vec::new())
}

fn healthy() -> Case {
    Case::new(&[FIRST, SECOND])
        .system(Outcome::Ok, "")
        .answers(FIRST)
        .answers(SECOND)
        .resolved()
}

fn nxdomain() -> Case {
    Case::new(&[FIRST])
        .system(Outcome::Nxdomain, "EAI_NONAME: Name or service not known")
        .both(FIRST, Outcome::Nxdomain)
}

#[test]
fn nothing_fires_for_a_name_that_resolves() {
    let case = healthy();
    for rule in NAME {
        assert_eq!(case.judged(rule.id), Judgement::Clear, "{}", rule.id);
    }
}

#[test]
fn nothing_fires_for_an_address_or_an_answer_given_by_option() {
    for kind in [SourceKind::Literal, SourceKind::Option] {
        let mut case = Case::new(&[]);
        case.resolution().sources.push(SourceAnswer {
            source: kind,
            outcome: Outcome::Ok,
            error: None,
            ms: None,
            addresses: Vec::new(),
            observation: None,
        });
        for rule in NAME {
            assert_eq!(case.judged(rule.id), Judgement::Clear, "{}", rule.id);
        }
    }
}

#[test]
fn every_rule_wants_the_resolution_before_it_is_complete() {
    let open = nxdomain().with(|evidence| evidence.resolution.as_mut().unwrap().complete = false);
    let none = nxdomain().with(|evidence| evidence.resolution = None);
    for rule in NAME {
        let wanted = Judgement::Unknown(vec![Need::Resolution]);
        assert_eq!(open.judged(rule.id), wanted, "{}", rule.id);
        assert_eq!(none.judged(rule.id), wanted, "{}", rule.id);
    }
}

#[test]
fn nxdomain_names_the_server_and_cites_its_answers() {
    let finding = nxdomain().finding(Id::DnsNxdomain);
    assert_eq!(
        finding.title,
        "db.corp.example does not exist: 10.0.0.51 answers NXDOMAIN"
    );
    assert_eq!(finding.evidence[0].observations, [2, 3]);
    assert!(
        finding.actions.iter().any(|action| {
            action.command.as_deref() == Some("dig @10.0.0.51 db.corp.example A")
        })
    );
}

#[test]
fn nxdomain_of_the_first_server_decides_though_the_second_has_the_name() {
    let finding = nxdomain().answers(SECOND).finding(Id::DnsNxdomain);
    assert!(
        finding.explanation.contains("10.0.0.52 has it"),
        "{finding:#?}"
    );
}

#[test]
fn nxdomain_is_told_behind_a_dead_server_and_the_dead_one_warned_of() {
    let case = Case::new(&[FIRST, SECOND])
        .system(Outcome::Timeout, "still waiting")
        .both(FIRST, Outcome::Timeout)
        .both(SECOND, Outcome::Nxdomain)
        .with(|evidence| {
            evidence.resolution.as_mut().unwrap().application_delay_ms =
                Some(Ms::from_millis(5000));
        });
    case.finding(Id::DnsNxdomain);
    let warning = case.finding(Id::DnsServerDown);
    assert_eq!(
        warning.title,
        "Name server 10.0.0.51 does not answer, while 10.0.0.52 answers: an application waits 5.00 s for it"
    );
    assert_eq!(warning.severity, Severity::Warning);
}

#[test]
fn nxdomain_of_the_second_server_proves_nothing_when_the_first_has_the_name() {
    let case = Case::new(&[FIRST, SECOND])
        .system(Outcome::Nxdomain, "EAI_NONAME")
        .answers(FIRST)
        .both(SECOND, Outcome::Nxdomain);
    assert_eq!(case.judged(Id::DnsNxdomain), unknown());
    let rotated = case.with(|evidence| evidence.source.resolver.as_mut().unwrap().rotate = true);
    rotated.finding(Id::DnsNxdomain);
}

#[test]
fn near_misses_are_offered() {
    let finding = nxdomain()
        .with(|evidence| {
            evidence.resolution.as_mut().unwrap().near_misses = vec!["db.corp.exampel".to_owned()];
        })
        .finding(Id::DnsNxdomain);
    assert!(facts(&finding).contains("db.corp.exampel"));
    assert_eq!(
        finding.actions[0].command.as_deref(),
        Some("getent ahosts db.corp.exampel")
    );
}

#[test]
fn no_address_says_which_family_there_is() {
    let case = Case::new(&[FIRST])
        .with(|evidence| evidence.options.family = Family::Ipv4)
        .system(
            Outcome::NoData,
            "EAI_NODATA: No address associated with hostname",
        )
        .said(FIRST, "A", Outcome::NoData, &[])
        .said(FIRST, "AAAA", Outcome::Ok, &["AAAA 2001:db8::7"]);
    let finding = case.finding(Id::DnsNoAddress);
    assert_eq!(
        finding.title,
        "db.corp.example has no IPv4 address: 10.0.0.51 answers without a record of that type"
    );
    assert!(facts(&finding).contains("It has AAAA 2001:db8::7."));
    assert_eq!(case.judged(Id::DnsNxdomain), Judgement::Clear);
}

#[test]
fn no_address_can_not_be_told_when_one_type_was_never_answered() {
    let case = Case::new(&[FIRST])
        .system(Outcome::OtherError, "EAI_AGAIN")
        .said(FIRST, "A", Outcome::Timeout, &[])
        .said(FIRST, "AAAA", Outcome::NoData, &[]);
    assert_eq!(case.judged(Id::DnsNoAddress), unknown());
    assert_eq!(case.judged(Id::DnsTimeout), unknown());
}

fn failing() -> Case {
    Case::new(&[FIRST])
        .system(
            Outcome::OtherError,
            "EAI_AGAIN: Temporary failure in name resolution",
        )
        .both(FIRST, Outcome::Servfail)
}

#[test]
fn servfail_with_checking_disabled_too_rules_a_signature_out() {
    let case = failing().heard(FIRST, Transport::Udp, "A", Outcome::Servfail, &[], true);
    let finding = case.finding(Id::DnsServfail);
    assert!(finding.explanation.contains("not the reason"));
    assert!(
        !failing()
            .finding(Id::DnsServfail)
            .explanation
            .contains("not the reason")
    );
}

#[test]
fn servfail_that_vanishes_with_checking_disabled_is_not_called_servfail() {
    let case = failing().heard(
        FIRST,
        Transport::Udp,
        "A",
        Outcome::Ok,
        &["A 192.0.2.7"],
        true,
    );
    assert_eq!(case.judged(Id::DnsServfail), Judgement::Clear);
    assert_eq!(fired(&case.0).len(), 1);
    let finding = case.finding(Id::DnsDnssecBogus);
    assert!(
        finding
            .evidence
            .iter()
            .any(|fact| fact.text.contains("with checking disabled")),
        "{finding:?}"
    );
}

#[test]
fn servfail_is_no_fault_of_the_name_while_another_server_answers() {
    let case = healthy().with(|evidence| {
        let servers = &mut evidence.resolution.as_mut().unwrap().servers;
        for answer in servers.iter_mut().take(2) {
            answer.outcome = Outcome::Servfail;
        }
    });
    assert_eq!(case.judged(Id::DnsServfail), Judgement::Clear);
    assert!(
        case.finding(Id::DnsServerDown)
            .title
            .contains("fails (SERVFAIL)")
    );
}

#[test]
fn refused_by_all_is_refused_and_refused_by_one_and_failed_by_another_is_neither() {
    let refused = Case::new(&[FIRST])
        .system(Outcome::OtherError, "EAI_AGAIN")
        .both(FIRST, Outcome::DnsRefused);
    assert_eq!(
        refused.finding(Id::DnsRefused).title,
        "10.0.0.51 refuses to answer for db.corp.example (REFUSED)"
    );
    let mixed = refused.both(SECOND, Outcome::Servfail);
    assert_eq!(mixed.judged(Id::DnsRefused), unknown());
    assert_eq!(mixed.judged(Id::DnsServfail), unknown());
    assert!(account(&mixed.0).unwrap().contains("REFUSED"));
    assert_eq!(nxdomain().judged(Id::DnsRefused), Judgement::Clear);
}

#[test]
fn an_alias_loop_shows_the_chain() {
    let case = Case::new(&[FIRST])
        .system(Outcome::Nxdomain, "EAI_NONAME")
        .said(
            FIRST,
            "A",
            Outcome::AliasLoop,
            &["CNAME b.example.", "CNAME db.corp.example."],
        );
    let finding = case.finding(Id::DnsAliasLoop);
    assert!(facts(&finding).contains("db.corp.example → b.example → db.corp.example"));
    assert_eq!(nxdomain().judged(Id::DnsAliasLoop), Judgement::Clear);
    assert_eq!(files_only().judged(Id::DnsAliasLoop), unknown());
}

fn silent() -> Case {
    Case::new(&[FIRST])
        .system(Outcome::Timeout, "still waiting")
        .both(FIRST, Outcome::Timeout)
}

#[test]
fn a_silent_server_is_a_timeout_and_tcp_is_told() {
    let dead = silent().heard(FIRST, Transport::Tcp, "A", Outcome::Timeout, &[], false);
    let finding = dead.finding(Id::DnsTimeout);
    assert_eq!(finding.title, "The name server 10.0.0.51 does not answer");
    assert!(facts(&finding).contains("does not answer over TCP/53 either"));

    let udp_lost = silent().heard(
        FIRST,
        Transport::Tcp,
        "A",
        Outcome::Ok,
        &["A 192.0.2.7"],
        false,
    );
    let finding = udp_lost.finding(Id::DnsTimeout);
    assert!(facts(&finding).contains("answers over TCP/53"));
    assert!(finding.explanation.contains("drops UDP"));
    assert_eq!(nxdomain().judged(Id::DnsTimeout), Judgement::Clear);
}

#[test]
fn a_server_that_does_not_listen_has_a_host_that_is_up() {
    let case = Case::new(&[FIRST])
        .system(Outcome::OtherError, "EAI_AGAIN")
        .both(FIRST, Outcome::PortUnreachable);
    let finding = case.finding(Id::DnsTimeout);
    assert!(
        finding.title.contains("its host is up"),
        "{}",
        finding.title
    );
}

#[test]
fn servers_without_a_route_are_named_for_the_choice_of_the_cause() {
    let case = Case::new(&[FIRST])
        .system(Outcome::OtherError, "EAI_AGAIN")
        .both(FIRST, Outcome::NoRoute);
    let finding = case.finding(Id::DnsTimeout);
    assert!(facts(&finding).contains("this machine has no route to it"));
    assert_eq!(unreachable_servers(&case.0).len(), 2);
    assert!(unreachable_servers(&silent().0).is_empty());
}

#[test]
fn a_server_that_was_not_given_time_is_not_called_silent() {
    let case = Case::new(&[FIRST])
        .system(Outcome::Timeout, "still waiting")
        .both(FIRST, Outcome::Cancelled);
    assert_eq!(case.judged(Id::DnsTimeout), unknown());
    assert!(account(&case.0).unwrap().contains("still waiting"));
}

#[test]
fn no_servers_is_said_when_this_machine_itself_does_not_answer() {
    let case = Case::new(&[])
        .system(Outcome::OtherError, "EAI_AGAIN")
        .both("127.0.0.1:53", Outcome::PortUnreachable);
    assert_eq!(
        case.finding(Id::DnsNoServers).title,
        "No name server is configured, and db.corp.example is not in the hosts file"
    );
    let answered = Case::new(&[])
        .system(Outcome::Nxdomain, "EAI_NONAME")
        .both("127.0.0.1:53", Outcome::Nxdomain);
    assert_eq!(answered.judged(Id::DnsNoServers), Judgement::Clear);
    answered.finding(Id::DnsNxdomain);
}

/// Applications do not ask DNS here, and the server has the name.
fn files_only() -> Case {
    Case::new(&[FIRST])
        .with(|evidence| {
            evidence.source.resolver.as_mut().unwrap().nsswitch = vec!["files".to_owned()];
        })
        .system(Outcome::Nxdomain, "EAI_NONAME: Name or service not known")
        .answers(FIRST)
}

#[test]
fn a_machine_that_does_not_ask_dns_is_explained_and_no_server_blamed() {
    let case = files_only();
    assert!(fired(&case.0).is_empty());
    assert_eq!(case.judged(Id::DnsNoServers), unknown());
    assert!(account(&case.0).unwrap().contains("`hosts: files`"));
    let none = Case::new(&[])
        .with(|evidence| {
            evidence.source.resolver.as_mut().unwrap().nsswitch = vec!["files".to_owned()];
        })
        .system(Outcome::OtherError, "EAI_AGAIN")
        .both("127.0.0.1:53", Outcome::PortUnreachable);
    assert_eq!(none.judged(Id::DnsNoServers), unknown());
}

#[test]
fn a_server_without_a_route_is_not_called_down() {
    let case = Case::new(&[FIRST, "[2001:db8::53]:53"])
        .system(Outcome::Ok, "")
        .answers(FIRST)
        .both("[2001:db8::53]:53", Outcome::NoRoute)
        .resolved();
    assert_eq!(case.judged(Id::DnsServerDown), Judgement::Clear);
}

#[test]
fn commands_quote_what_a_shell_would_take_apart() {
    let case = nxdomain().with(|evidence| {
        evidence.resolution.as_mut().unwrap().names = vec!["a'b;c".to_owned()];
        for answer in &mut evidence.resolution.as_mut().unwrap().servers {
            answer.name = "a'b;c".to_owned();
        }
    });
    let finding = case.finding(Id::DnsNxdomain);
    assert!(
        finding
            .actions
            .iter()
            .any(|action| { action.command.as_deref() == Some("dig @10.0.0.51 'a'\\''b;c' A") })
    );
}

#[test]
fn every_rule_is_explained_in_full() {
    for rule in NAME {
        let explain = rule.explain;
        for text in [
            explain.meaning,
            explain.proof,
            explain.remedy,
            explain.lookalikes,
        ] {
            assert!(
                text.len() > 60 && text.ends_with('.'),
                "{}: {text}",
                rule.id
            );
        }
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::Ok,
        Outcome::Nxdomain,
        Outcome::NoData,
        Outcome::Servfail,
        Outcome::DnsRefused,
        Outcome::DnsOther,
        Outcome::AliasLoop,
        Outcome::Malformed,
        Outcome::Timeout,
        Outcome::Cancelled,
        Outcome::PortUnreachable,
        Outcome::HostUnreachable,
        Outcome::NoRoute,
        Outcome::OtherError,
    ])
}

proptest! {
    #[test]
    fn at_most_one_error_fires_whatever_the_sources_say(
        system in prop::option::of(any_outcome()),
        configured in 0usize..3,
        answers in prop::collection::vec((0usize..3, any::<bool>(), any::<bool>(), any_outcome(), any::<bool>()), 0..14),
        rotate: bool,
        has_addresses: bool,
        nsswitch in 0usize..3,
    ) {
        let servers = [FIRST, SECOND, "127.0.0.1:53"];
        let mut case = Case::new(&servers[..configured]);
        if let Some(outcome) = system {
            case = case.system(outcome, "words");
        }
        for (server, aaaa, tcp, outcome, checking_disabled) in answers {
            let record = if aaaa { "AAAA" } else { "A" };
            let transport = if tcp { Transport::Tcp } else { Transport::Udp };
            let data: &[&str] = match (outcome, aaaa) {
                (Outcome::Ok, false) => &["A 192.0.2.7"],
                (Outcome::Ok, true) => &["AAAA 2001:db8::7"],
                _ => &[],
            };
            case = case.heard(servers[server], transport, record, outcome, data, checking_disabled);
        }
        if has_addresses {
            case = case.resolved();
        }
        let case = case.with(|evidence| {
            let resolver = evidence.source.resolver.as_mut().unwrap();
            resolver.rotate = rotate;
            resolver.nsswitch = [vec![], vec!["files".to_owned()], vec!["dns".to_owned()]][nsswitch].clone();
        });
        let found = fired(&case.0);
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
        prop_assert!(errors <= 1, "{found:#?}");
        if has_addresses {
            prop_assert_eq!(errors, 0);
        }
        // Every fact rests on observations that there are.
        let known = case.0.observations.len();
        for id in found.iter().flat_map(|finding| &finding.evidence).flat_map(|fact| &fact.observations) {
            prop_assert!(*id >= 1 && usize::try_from(*id).unwrap() <= known);
        }
    }
}
