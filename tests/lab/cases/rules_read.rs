//! This machine's packet rules: root is told the very rule, and what lets the flow pass it; anybody else what would show it.

use std::{net::IpAddr, time::Duration};

use super::{OTHER_PORT, PORT, check, check_port, serve, to_host};
use crate::{
    ability::{bare, program},
    case::{Case, cases},
    firewall::Hook,
    net::{Family, Namespace},
    outcome::Outcome,
    run::Run,
    topology::Lab,
};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_rule_that_drops_what_goes_out_is_quoted: [Nft],
        a_rule_that_rejects_what_goes_out_is_quoted: [Nft],
        a_rule_that_drops_the_answers_is_quoted: [Nft],
        a_set_that_a_chain_further_on_looks_in_is_followed: [Nft],
        a_policy_is_quoted_where_no_rule_decides: [Nft],
        echo_requests_and_datagrams_have_rules_of_their_own: [Nft],
        a_rule_of_iptables_is_quoted_in_its_own_words: [Nft],
        rules_that_do_not_concern_the_flow_are_silent: [Nft],
        rules_that_let_it_pass_rule_this_machine_out: [Nft],
        a_rate_limit_can_t_be_told_and_is_named: [Nft],
        hundreds_of_rules_cost_no_time: [Nft],
        what_lies_behind_a_rule_of_this_machine_was_not_seen: [Nft],
        a_rule_against_the_name_server_is_quoted: [Nft],
        an_ordinary_user_is_told_what_would_show_the_rule: [Nft, Users],
    ]
}

/// The finding quotes this rule, and its step lets the flow pass: it is followed, and the check passes.
#[track_caller]
fn quotes(client: &Namespace, make: impl Fn() -> Run, rule: &str) {
    let failed = make().root().run();
    failed
        .fails_by("local-firewall")
        .mentions("local-firewall", rule);
    let steps = failed.finding("local-firewall")["actions"].clone();
    let commands = steps.as_array().into_iter().flatten();
    let mut commands = commands.filter_map(|step| step["command"].as_str());
    let command = commands.find_map(|command| command.strip_prefix("sudo nft insert "));
    let command = command.unwrap_or_else(|| panic!("no step lets it pass\n{failed}"));
    client.nft(&format!("insert {command}\n"));
    make().root().run().passes();
}

/// A client and a server with two services, and these rules of the client; anew for each family.
fn each_family(rules: impl Fn(IpAddr) -> String, rule: &str) {
    for family in Family::BOTH {
        let lab = Lab::routers(1).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        lab.client().nft(&rules(lab.server_address(family)));
        check_port(&lab, family, OTHER_PORT).root().run().passes();
        quotes(lab.client(), || check(&lab, family), rule);
    }
}

fn a_rule_that_drops_what_goes_out_is_quoted() {
    each_family(
        |_| {
            "table inet home {
                chain out { type filter hook output priority filter; policy accept; tcp dport 443 counter drop comment \"not from here\"; }
            }"
            .to_owned()
        },
        "comment \\\"not from here\\\"",
    );
}

fn a_rule_that_rejects_what_goes_out_is_quoted() {
    for verdict in [
        "reject with icmpx admin-prohibited",
        "reject with tcp reset",
    ] {
        each_family(
            |_| {
                format!(
                    "table inet home {{
                        chain out {{ type filter hook output priority filter; policy accept; tcp dport 443 {verdict}; }}
                    }}"
                )
            },
            "in chain `out` of table `inet home` (nftables), at the output hook: `tcp dport 443 ",
        );
    }
}

fn a_rule_that_drops_the_answers_is_quoted() {
    each_family(
        |server| {
            let from = to_host(server).replace("daddr", "saddr");
            format!(
                "table inet home {{
                    chain in {{ type filter hook input priority filter; policy accept; {from} tcp sport 443 drop; }}
                }}"
            )
        },
        "What drops the answers on their way in is rule",
    );
}

fn a_set_that_a_chain_further_on_looks_in_is_followed() {
    each_family(
        |server| {
            let (kind, field) = match server {
                IpAddr::V4(_) => ("ipv4_addr", "ip daddr"),
                IpAddr::V6(_) => ("ipv6_addr", "ip6 daddr"),
            };
            format!(
                "table inet home {{
                    set shunned {{ type {kind}; elements = {{ {server} }}; }}
                    chain web {{ {field} @shunned drop; }}
                    chain out {{ type filter hook output priority filter; policy accept; ct state established accept; tcp dport {{ 443, 8443 }} jump web; }}
                }}"
            )
        },
        "in chain `web` of table `inet home`",
    );
}

fn a_policy_is_quoted_where_no_rule_decides() {
    each_family(
        |_| {
            "table inet home {
                chain out { type filter hook output priority filter; policy drop;
                    oifname lo accept; tcp dport 80 accept; meta l4proto { icmp, icmpv6 } accept; }
            }"
            .to_owned()
        },
        "the policy of chain `out` in table `inet home` (nftables), at the output hook: `policy drop`",
    );
}

fn echo_requests_and_datagrams_have_rules_of_their_own() {
    for family in Family::BOTH {
        let lab = Lab::routers(1).build();
        let _service = serve(lab.server(), PORT);
        lab.client().nft(
            "table inet home {
                chain in { type filter hook input priority filter; policy accept;
                    icmp type echo-reply drop; icmpv6 type echo-reply drop; }
                chain out { type filter hook output priority filter; policy accept; udp dport 53 drop; }
            }",
        );
        let server = lab.server_address(family).to_string();
        check(&lab, family).root().run().passes();
        let echo = || Run::nwcheck(lab.client(), ["icmp".to_owned(), server.clone()]);
        quotes(lab.client(), echo, "type echo-reply drop");
        let datagrams = Run::nwcheck(
            lab.client(),
            [
                "udp".to_owned(),
                std::net::SocketAddr::new(lab.server_address(family), 53).to_string(),
            ],
        );
        datagrams
            .root()
            .run()
            .fails_by("local-firewall")
            .mentions("local-firewall", "`udp dport 53 drop`");
    }
}

fn a_rule_of_iptables_is_quoted_in_its_own_words() {
    // What iptables makes of nftables' rules; where it is not installed there is nothing to quote.
    for (family, name) in [(Family::V4, "iptables-nft"), (Family::V6, "ip6tables-nft")] {
        let Ok(path) = program(name) else { continue };
        let lab = Lab::routers(1).build();
        let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
        let iptables = |arguments: &[&str]| {
            let mut command = bare(&path);
            command.args(arguments);
            let output = lab.client().run(|| command.output()).expect("it runs");
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{name} {arguments:?}: {errors}");
        };
        let words = [
            "-p",
            "tcp",
            "-m",
            "multiport",
            "--dports",
            "443,8443",
            "-j",
            "DROP",
        ];
        iptables(&[&["-A", "OUTPUT"], &words[..]].concat());
        check_port(&lab, family, OTHER_PORT).root().run().passes();
        let failed = check(&lab, family).root().run();
        failed
            .fails_by("local-firewall")
            .mentions("local-firewall", "chain `OUTPUT`")
            .mentions("local-firewall", "443");
    }
}

fn rules_that_do_not_concern_the_flow_are_silent() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    let rules = "table inet home {
        set shunned { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 }; }
        chain out { type filter hook output priority filter; policy accept; udp dport 443 drop; ip daddr @shunned drop; }
        chain in { type filter hook input priority filter; policy drop;
            ct state established,related accept; iifname lo accept; meta l4proto { icmp, icmpv6 } accept; }
    }";
    lab.client().nft(rules);
    for family in Family::BOTH {
        let passed = check(&lab, family).root().run();
        passed
            .passes()
            .says("/local/firewall", serde_json::Value::Null);
        assert_eq!(
            passed.at("/not_measured"),
            serde_json::json!([]),
            "{passed}"
        );
    }
}

fn rules_that_let_it_pass_rule_this_machine_out() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), OTHER_PORT);
    lab.client().nft(
        "table inet home {
            chain in { type filter hook input priority filter; policy drop;
                ct state established,related accept; iifname lo accept; meta l4proto { icmp, icmpv6 } accept; }
        }",
    );
    lab.server().drops(Hook::Input, "tcp dport 443");
    for family in Family::BOTH {
        let check = || check(&lab, family).arguments(["--control", "80"]);
        let told = check().root().run();
        told.fails_by("port-filtered")
            .mentions("port-filtered", "This machine's own firewall is ruled out")
            .says("/local/firewall/flows/0/out/says", "allows")
            .says("/local/firewall/flows/0/answer/says", "allows");
        let unread = check()
            .run()
            .fails_by("port-filtered")
            .finding("port-filtered");
        assert!(!unread.to_string().contains("is ruled out"), "{unread}");
    }
}

fn a_rate_limit_can_t_be_told_and_is_named() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), OTHER_PORT);
    lab.client().nft(
        "table inet home {
            chain out { type filter hook output priority filter; policy accept; tcp dport 443 limit rate over 1000/second drop; }
        }",
    );
    lab.server().drops(Hook::Input, "tcp dport 443");
    for family in Family::BOTH {
        let told = check(&lab, family)
            .arguments(["--control", "80"])
            .root()
            .run();
        told.fails_by("port-filtered")
            .says("/local/firewall/flows/0/out/says", "cant_tell");
        let finding = told.finding("port-filtered").to_string();
        assert!(finding.contains("limit rate over 1000/second"), "{told}");
        assert!(!finding.contains("is ruled out"), "{told}");
    }
}

fn hundreds_of_rules_cost_no_time() {
    let lab = Lab::routers(1).build();
    let _services = [PORT, OTHER_PORT].map(|port| serve(lab.server(), port));
    let rules: Vec<String> = (0..600)
        .map(|number| {
            let (high, low) = (number / 250, number % 250);
            format!("ip saddr 203.0.{high}.{low} tcp dport {{ 22, 443 }} counter drop comment \"number {number}\";")
        })
        .collect();
    let rules = rules.join("\n");
    lab.client().nft(&format!(
        "table inet home {{
            chain many {{ {rules} }}
            chain out {{ type filter hook output priority filter; policy accept; jump many; tcp dport 443 drop; }}
        }}"
    ));
    for family in Family::BOTH {
        check_port(&lab, family, OTHER_PORT).root().run().passes();
        check(&lab, family)
            .root()
            .run()
            .fails_by("local-firewall")
            .mentions("local-firewall", "chain `out`")
            .within(Duration::from_secs(15));
    }
}

fn what_lies_behind_a_rule_of_this_machine_was_not_seen() {
    let lab = Lab::routers(1).build();
    // Nothing listens there, either.
    lab.client().nft(
        "table inet home {
            chain out { type filter hook output priority filter; policy accept; tcp dport 443 drop; }
        }",
    );
    for family in Family::BOTH {
        check(&lab, family)
            .root()
            .run()
            .fails_by("local-firewall")
            .mentions("local-firewall", "`tcp dport 443 drop`")
            .mentions("local-firewall", "was not seen");
    }
}

fn a_rule_against_the_name_server_is_quoted() {
    let lab = Lab::routers(1).build();
    let server = lab.name_server_address(Family::V4, 0);
    lab.client()
        .drops(Hook::Output, "meta l4proto { tcp, udp } th dport 53");
    Run::nwcheck(lab.client(), ["tcp", "shop.test:443"])
        .name_servers(&[server])
        .root()
        .run()
        .fails_by("local-firewall")
        .mentions("local-firewall", "th dport 53 drop");
}

fn an_ordinary_user_is_told_what_would_show_the_rule() {
    let lab = Lab::routers(1).build();
    let _service = serve(lab.server(), PORT);
    lab.client().drops(Hook::Output, "tcp dport 443");
    for family in Family::BOTH {
        let failed = check(&lab, family).run();
        let missing = missing(&failed);
        let command = missing["command"].as_str().unwrap_or_default();
        assert!(command.starts_with("sudo nwcheck tcp "), "{failed}");
        failed.says("/local/firewall", serde_json::Value::Null);
    }
}

/// What is said of the rules that could not be read.
#[track_caller]
fn missing(outcome: &Outcome) -> serde_json::Value {
    let all = outcome.at("/not_measured");
    let all = all.as_array().into_iter().flatten();
    let mut rules = all.filter(|missing| missing["what"] == "this machine's firewall rules");
    let found = rules.next().cloned();
    found.unwrap_or_else(|| panic!("it does not say that the rules were not read\n{outcome}"))
}
