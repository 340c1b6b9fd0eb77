//! Small rule sets, each with what it must come to.

use std::net::IpAddr;

use super::*;

/// A TCP connection from 192.0.2.10 to port 443 of 198.51.100.7, by `eth0`.
fn flow() -> Flow {
    Flow {
        protocol: 6,
        source: address("192.0.2.10"),
        destination: address("198.51.100.7"),
        source_ports: Some((32_768, 60_999)),
        destination_port: Some(443),
        interface: Some("eth0".to_owned()),
        bridged: false,
        user: Some(1000),
        group: Some(1000),
        own: vec![address("192.0.2.10"), address("2001:db8::10")],
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// `*filter` with these rules, as iptables lists it.
fn saved(policy: &str, rules: &[&str]) -> Ruleset {
    let text = format!(
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT {policy} [0:0]\n:own - [0:0]\n{}\nCOMMIT\n",
        rules.join("\n")
    );
    iptables::read(&text, Family::Ip)
}

/// Which way the outgoing packet goes, and because of which rule.
fn out(ruleset: &Ruleset, flow: &Flow) -> (&'static str, String) {
    said(&evaluate(ruleset, flow).out)
}

fn said(answer: &Answer) -> (&'static str, String) {
    match answer {
        Answer::Allows => ("allows", String::new()),
        Answer::Denies { by, .. } => ("denies", by.text.clone()),
        Answer::CantTell { because, .. } => {
            let because = because.as_ref().map(|by| by.text.clone());
            ("can't tell", because.unwrap_or_default())
        }
    }
}

#[test]
fn without_rules_all_is_allowed() {
    let outcome = evaluate(&Ruleset::default(), &flow());
    assert_eq!(outcome.out, Answer::Allows);
    assert_eq!(outcome.answer, Some(Answer::Allows));
}

#[test]
fn the_rule_that_drops_is_quoted() {
    let drop = "-A OUTPUT -d 198.51.100.0/24 -p tcp -m tcp --dport 443 -j DROP";
    let rules = saved("ACCEPT", &["-A OUTPUT -p udp -j ACCEPT", drop]);
    assert_eq!(out(&rules, &flow()), ("denies", drop.to_owned()));
    let elsewhere = Flow {
        destination_port: Some(80),
        ..flow()
    };
    assert_eq!(out(&rules, &elsewhere).0, "allows");
}

#[test]
fn a_policy_that_drops_is_quoted_as_a_policy() {
    let rules = saved("DROP", &["-A OUTPUT -p udp -j ACCEPT"]);
    assert_eq!(out(&rules, &flow()), ("denies", "policy drop".to_owned()));
}

#[test]
fn what_is_not_understood_matters_only_where_the_ways_end_differently() {
    let strange = "-A OUTPUT -m geoip --destination-country XX -j DROP";
    assert_eq!(
        out(&saved("ACCEPT", &[strange]), &flow()),
        ("can't tell", strange.to_owned())
    );
    assert_eq!(out(&saved("DROP", &[strange]), &flow()).0, "denies");
    let logged = "-A OUTPUT -m limit --limit 3/min -j LOG --log-prefix \"[UFW] \"";
    assert_eq!(out(&saved("ACCEPT", &[logged]), &flow()).0, "allows");
    let other = "-A OUTPUT -p udp -m geoip --destination-country XX -j DROP";
    assert_eq!(out(&saved("ACCEPT", &[other]), &flow()).0, "allows");
}

#[test]
fn a_target_that_is_no_chain_of_the_table_may_do_anything() {
    let rule = "-A OUTPUT -j FROBNICATE --with care";
    for policy in ["ACCEPT", "DROP"] {
        assert_eq!(
            out(&saved(policy, &[rule]), &flow()),
            ("can't tell", rule.to_owned())
        );
    }
}

#[test]
fn what_looks_like_an_option_in_a_comment_is_none() {
    for comment in ["\"-j DROP\"", "-j", "\"a \\\"-d\\\" b\""] {
        let rule = format!("-A OUTPUT -m comment --comment {comment} -j ACCEPT");
        assert_eq!(
            out(&saved("DROP", &[&rule]), &flow()).0,
            "allows",
            "{comment}"
        );
    }
}

#[test]
fn source_ports_that_the_kernel_may_choose_are_in_a_range_or_not() {
    let rule = |ports: &str| format!("-A OUTPUT -p tcp -m tcp --sport {ports} -j DROP");
    assert_eq!(
        out(&saved("ACCEPT", &[&rule("1024:65535")]), &flow()).0,
        "denies"
    );
    assert_eq!(
        out(&saved("ACCEPT", &[&rule("1:1023")]), &flow()).0,
        "allows"
    );
    assert_eq!(
        out(&saved("ACCEPT", &[&rule("40000")]), &flow()).0,
        "can't tell"
    );
}

#[test]
fn the_answer_is_established_and_comes_back_by_the_same_interface() {
    let text = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i eth0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n";
    let rules = iptables::read(text, Family::Ip);
    assert_eq!(evaluate(&rules, &flow()).answer, Some(Answer::Allows));
    let rules = iptables::read(&text.replace("eth0", "eth1"), Family::Ip);
    let outcome = evaluate(&rules, &flow());
    assert_eq!(outcome.out, Answer::Allows);
    assert_eq!(
        said(&outcome.answer.unwrap()),
        ("denies", "policy drop".to_owned())
    );
}

#[test]
fn a_chain_that_jumps_to_itself_ends_as_can_t_tell() {
    let rules = saved("DROP", &["-A OUTPUT -j own", "-A own -j own"]);
    assert_eq!(out(&rules, &flow()).0, "can't tell");
}

#[test]
fn many_rules_that_can_t_be_told_end_in_bounded_time() {
    let strange = |number: usize| {
        format!("-A OUTPUT -m geoip --country {number} -j MARK --set-xmark {number:#x}/0xffffffff")
    };
    let mut rules: Vec<String> = (1..200).map(strange).collect();
    rules.push("-A OUTPUT -m mark --mark 0x1 -j DROP".to_owned());
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    assert_eq!(out(&saved("ACCEPT", &rules), &flow()).0, "can't tell");
}

#[test]
fn a_list_that_is_cut_short_allows_nothing_for_sure() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -j DROP\n";
    let rules = iptables::read(text, Family::Ip);
    assert_eq!(out(&rules, &flow()).0, "can't tell");
    let denied = iptables::read(&text.replace("udp", "tcp"), Family::Ip);
    assert_eq!(out(&denied, &flow()).0, "denies");
}

#[test]
fn the_bridge_s_own_chains_are_not_followed_and_that_is_said() {
    let json = r#"{"nftables":[{"table":{"family":"bridge","name":"b","handle":1}},
        {"chain":{"family":"bridge","table":"b","name":"o","handle":1,"type":"filter","hook":"output","prio":0,"policy":"drop"}}]}"#;
    let rules = nft::read(json, None).unwrap();
    assert_eq!(out(&rules, &flow()).0, "allows");
    let bridged = Flow {
        bridged: true,
        ..flow()
    };
    assert_eq!(out(&rules, &bridged).0, "can't tell");
}

#[test]
fn devices_and_dormant_tables_are_read_from_the_text_where_the_json_has_them_not() {
    let json = r#"{"nftables":[{"table":{"family":"netdev","name":"n","handle":3}},
        {"chain":{"family":"netdev","table":"n","name":"e","handle":1,"type":"filter","hook":"egress","prio":0,"policy":"drop"}},
        {"table":{"family":"inet","name":"z","handle":4,"flags":"n"}},
        {"chain":{"family":"inet","table":"z","name":"o","handle":1,"type":"filter","hook":"output","prio":0,"policy":"drop"}}]}"#;
    let text = |device: &str| {
        format!(
            "table netdev n {{ # handle 3\n\tchain e {{ # handle 1\n\t\ttype filter hook egress device \"{device}\" priority filter; policy drop;\n\t}}\n}}\ntable inet z {{ # handle 4\n\tflags dormant\n}}\n"
        )
    };
    let judged = |text: Option<&str>| out(&nft::read(json, text).unwrap(), &flow()).0;
    assert_eq!(judged(Some(&text("eth0"))), "denies");
    assert_eq!(judged(Some(&text("eth1"))), "allows");
    assert_eq!(judged(None), "can't tell");
}

#[test]
fn rules_that_iptables_made_in_nftables_are_read_as_iptables_writes_them_with_nft_s_numbers() {
    let json = r#"{"nftables":[{"table":{"family":"ip","name":"filter","handle":1}},
        {"chain":{"family":"ip","table":"filter","name":"OUTPUT","handle":1,"type":"filter","hook":"output","prio":0,"policy":"accept"}},
        {"rule":{"family":"ip","table":"filter","chain":"OUTPUT","handle":7,"expr":[{"xt":{"type":"match","name":"multiport"}},{"xt":{"type":"target","name":"REJECT"}}]}}]}"#;
    let saved = "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -m multiport --dports 80,443 -j REJECT --reject-with tcp-reset\nCOMMIT\n";
    let with = read(Listed {
        nft: Some((json, None)),
        iptables_by_nft: &[(Family::Ip, saved.to_owned())],
        iptables: &[],
    })
    .unwrap();
    let Answer::Denies { by, rejects } = evaluate(&with, &flow()).out else {
        panic!("it is denied");
    };
    assert_eq!((by.handle, by.origin), (Some(7), Origin::IptablesByNft));
    assert_eq!(rejects.as_deref(), Some("tcp-reset"));
    let without = nft::read(json, None).unwrap();
    assert_eq!(out(&without, &flow()).0, "can't tell");
}

proptest::proptest! {
    #[test]
    fn no_list_of_iptables_panics(text in "(\\*filter\n:OUTPUT DROP [0:0]\n)?(-A OUTPUT [ -~]{0,60}\n){0,4}(COMMIT\n)?") {
        let _ = evaluate(&iptables::read(&text, Family::Ip), &flow());
    }

    #[test]
    fn no_json_panics(expr in proptest::collection::vec(statement(), 0..4)) {
        let json = serde_json::json!({"nftables": [
            {"table": {"family": "inet", "name": "t"}},
            {"chain": {"family": "inet", "table": "t", "name": "o", "type": "filter", "hook": "output", "prio": 0, "policy": "drop"}},
            {"rule": {"family": "inet", "table": "t", "chain": "o", "handle": 1, "expr": expr}},
        ]});
        let _ = evaluate(&nft::read(&json.to_string(), None).unwrap(), &flow());
    }
}

/// Statements whose parts were put together at random.
fn statement() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        proptest::sample::select(vec![
            "tcp",
            "@set",
            "*",
            "10.0.0.1",
            "::1",
            "syn",
            "established",
            "eth*",
            "\u{202e}"
        ])
        .prop_map(Into::into),
    ];
    let keys = vec![
        "match", "left", "right", "op", "payload", "protocol", "field", "meta", "key", "ct", "&",
        "|", "set", "range", "prefix", "addr", "len", "concat", "vmap", "data", "jump", "target",
        "mangle", "value", "dnat", "port", "elem", "val", "reject", "fib", "flags", "result",
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            proptest::collection::vec((proptest::sample::select(keys.clone()), inner), 0..3)
                .prop_map(|pairs| pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
        ]
    })
}
