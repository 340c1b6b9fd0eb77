//! Random rule sets in nft's own language, one command a line.

use std::fmt::Write as _;

use super::dice::Dice;

const PORTS: [&str; 8] = [
    "80",
    "443",
    "7",
    "{ 80, 443 }",
    "{ 1-79, 81-65535 }",
    "80-443",
    "@ports",
    "!= 80",
];
const SOURCE_PORTS: [&str; 3] = ["1024-65535", "!= 1-1023", "{ 20000-40000, 40001-65535 }"];
const V4: [&str; 10] = [
    "10.9.0.2",
    "10.9.0.3",
    "10.9.0.0/24",
    "{ 10.9.0.2, 127.0.0.0/8 }",
    "!= 10.9.0.2",
    "10.9.0.2-10.9.0.3",
    "@hosts4",
    "!= @hosts4",
    "& 255.0.0.255 == 10.0.0.3",
    "127.0.0.1",
];
const V6: [&str; 7] = [
    "fd09::2",
    "fd09::3",
    "fd09::/64",
    "{ fd09::2, ::1 }",
    "!= fd09::2",
    "@hosts6",
    "::1",
];
const NAMES: [&str; 7] = [
    "\"eth0\"",
    "\"lo\"",
    "\"eth*\"",
    "!= \"lo\"",
    "!= \"eth0\"",
    "{ \"eth0\", \"wg*\" }",
    "{ \"lo\" }",
];

/// The whole set: what has to be there first, and the rules, each of which may be refused.
pub(super) struct Script {
    pub(super) frame: Vec<String>,
    pub(super) rules: Vec<String>,
}

/// Where a chain is.
#[derive(Clone, Copy)]
struct Place<'a> {
    family: &'a str,
    hook: &'a str,
    kind: &'a str,
    /// User chains from this number on may be jumped to.
    below: usize,
    chains: usize,
}

pub(super) fn script(dice: &mut Dice) -> Script {
    let mut script = Script {
        frame: vec!["flush ruleset".to_owned()],
        rules: Vec::new(),
    };
    for table in 0..=dice.below(3) {
        let family = dice.of(&["inet", "inet", "ip", "ip6"]);
        add_table(dice, &mut script, family, table);
    }
    script
}

fn add_table(dice: &mut Dice, script: &mut Script, family: &str, number: usize) {
    let table = format!("{family} t{number}");
    // Never a dormant one: the JSON of nft 1.0.6 may break on its flags.
    script.frame.push(format!("add table {table}"));
    for set in [
        "ports { type inet_service; flags interval; elements = { 80, 400-500 }; }",
        "hosts4 { type ipv4_addr; flags interval; elements = { 10.9.0.2, 127.0.0.0/8 }; }",
        "hosts6 { type ipv6_addr; elements = { fd09::2, ::1 }; }",
        "pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.9.0.2 . 80, 10.9.0.0/24 . 400-500 }; }",
    ] {
        script.frame.push(format!("add set {table} {set}"));
    }
    let chains = dice.below(4);
    for chain in 0..chains {
        script.frame.push(format!("add chain {table} user{chain}"));
    }
    let verdict = if chains > 0 { "jump user0" } else { "drop" };
    script.frame.push(format!(
        "add map {table} verdicts {{ type inet_service : verdict; elements = {{ 80 : accept, 7 : {verdict} }}; }}"
    ));
    for base in 0..=dice.below(4) {
        let (hook, kind, priority) = match dice.below(12) {
            0 => ("output", "nat", dice.of(&[-100, 0, 30])),
            1 => ("postrouting", "nat", 100),
            2 => ("output", "route", dice.of(&[-150, 10])),
            3 => ("prerouting", "filter", dice.of(&[-300, -150, 0])),
            4 => ("postrouting", "filter", dice.of(&[-150, 0, 300])),
            5 => ("output", "filter", -300),
            6..=8 => ("output", "filter", dice.of(&[-150, -90, 0, 10, 50])),
            _ => ("input", "filter", dice.of(&[-150, 0, 10, 150])),
        };
        let policy = if dice.percent(25) && kind != "nat" {
            "drop"
        } else {
            "accept"
        };
        script.frame.push(format!(
            "add chain {table} base{base} {{ type {kind} hook {hook} priority {priority}; policy {policy}; }}"
        ));
        let place = Place {
            family,
            hook,
            kind,
            below: 0,
            chains,
        };
        if policy == "drop" && dice.percent(60) {
            let open = dice.of(&[
                "ct state established,related accept",
                "oifname \"lo\" accept",
                "iifname \"lo\" accept",
            ]);
            script
                .rules
                .push(format!("add rule {table} base{base} {open}"));
        }
        add_rules(dice, script, &format!("{table} base{base}"), place);
    }
    for chain in 0..chains {
        let place = Place {
            family,
            hook: "any",
            kind: "filter",
            below: chain + 1,
            chains,
        };
        add_rules(dice, script, &format!("{table} user{chain}"), place);
    }
}

fn add_rules(dice: &mut Dice, script: &mut Script, chain: &str, place: Place<'_>) {
    for _ in 0..=dice.below(5) {
        let mut rule = format!("add rule {chain}");
        for _ in 0..dice.below(4) {
            let _ = write!(rule, " {}", condition(dice, place));
        }
        if dice.percent(20) {
            let _ = write!(rule, " {}", change(dice, place));
        }
        if dice.percent(10) {
            rule.push_str(" counter");
        }
        if dice.percent(12) {
            let _ = write!(rule, " {}", choice(dice, place));
        } else {
            let _ = write!(rule, " {}", verdict(dice, place));
        }
        script.rules.push(rule);
    }
}

fn condition(dice: &mut Dice, place: Place<'_>) -> String {
    let way = dice.of(&["saddr", "daddr"]);
    let side = dice.of(&["iifname", "oifname"]);
    let layer = dice.of(&["tcp", "udp", "th"]);
    match dice.below(34) {
        0..=3 => format!("ip {way} {}", dice.of(&V4)),
        4..=5 => format!("ip6 {way} {}", dice.of(&V6)),
        6..=9 if layer == "th" => {
            format!("meta l4proto {{ tcp, udp }} th dport {}", dice.of(&PORTS))
        }
        6..=9 => format!("{layer} dport {}", dice.of(&PORTS)),
        10 => format!("tcp sport {}", dice.of(&PORTS)),
        11 => format!("udp sport {}", dice.of(&SOURCE_PORTS)),
        12..=13 => format!(
            "meta l4proto {}",
            dice.of(&[
                "tcp",
                "udp",
                "!= tcp",
                "{ tcp, udp }",
                "{ icmp, ipv6-icmp }"
            ])
        ),
        14 => dice
            .of(&[
                "tcp flags & (fin|syn|rst|ack) == syn",
                "tcp flags syn",
                "tcp flags & (syn|ack) == (syn|ack)",
                "tcp flags & (syn|ack) != syn",
                "tcp flags ! ack",
            ])
            .to_owned(),
        15 => dice
            .of(&[
                "icmp type echo-request",
                "icmp type { echo-request, echo-reply }",
                "icmp type != echo-reply",
                "icmpv6 type echo-request",
                "icmpv6 type echo-reply",
                "ip protocol tcp",
                "ip protocol != udp",
                "ip6 nexthdr udp",
            ])
            .to_owned(),
        16..=19 => format!(
            "ct state {}",
            dice.of(&[
                "new",
                "established",
                "established,related",
                "!= new",
                "{ new, established }",
                "invalid",
                "untracked",
                "!= { established, related }",
            ])
        ),
        20 => format!("ct direction {}", dice.of(&["original", "reply"])),
        21 => dice
            .of(&[
                "ct status dnat",
                "ct status snat",
                "ct mark 0x1",
                "ct mark & 0x3 != 0x1",
            ])
            .to_owned(),
        22 => format!(
            "ct original {}",
            dice.of(&["ip daddr 10.9.0.2", "ip daddr 10.9.0.0/24"])
        ),
        23..=24 => format!(
            "meta mark {}",
            dice.of(&["0x1", "!= 0x1", "& 0x2 == 0x2", "0x0", "& 0x3 != 0x0"])
        ),
        25..=26 => format!("{side} {}", dice.of(&NAMES)),
        27 if place.hook == "output" || place.hook == "postrouting" => {
            format!(
                "meta skuid {}",
                dice.of(&["0", "1000", "!= 0", "{ 0, 5-9 }"])
            )
        }
        28 => format!(
            "fib daddr type {}",
            dice.of(&["local", "!= local", "unicast"])
        ),
        29 if matches!(place.hook, "input" | "prerouting") => {
            format!("fib saddr . iif oif {}", dice.of(&["missing", "exists"]))
        }
        30 => format!(
            "ip daddr . tcp dport {}",
            dice.of(&["@pairs", "{ 10.9.0.2 . 80, 10.9.0.3 . 400-500 }"])
        ),
        31 if dice.percent(40) => dice
            .of(&[
                "limit rate 1/day",
                "numgen random mod 4 < 2",
                "meta length > 60",
            ])
            .to_owned(),
        32 => format!("meta nfproto {}", dice.of(&["ipv4", "ipv6"])),
        33 => dice
            .of(&["meta protocol ip", "meta protocol ip6"])
            .to_owned(),
        _ => format!("udp dport {}", dice.of(&PORTS)),
    }
}

fn change(dice: &mut Dice, place: Place<'_>) -> String {
    if matches!(place.hook, "output" | "prerouting") && dice.percent(15) {
        return "notrack".to_owned();
    }
    dice.of(&[
        "meta mark set 0x1",
        "meta mark set meta mark | 0x2",
        "meta mark set meta mark ^ 0x3",
        "ct mark set 0x1",
        "ct mark set meta mark",
        "meta mark set ct mark",
    ])
    .to_owned()
}

fn choice(dice: &mut Dice, place: Place<'_>) -> String {
    let other = if place.below < place.chains {
        format!("jump user{}", place.below)
    } else {
        "drop".to_owned()
    };
    match dice.below(6) {
        0 => format!("tcp dport vmap {{ 80 : accept, 443 : {other} }}"),
        1 => "ct state vmap { established : accept, related : accept, invalid : drop }".to_owned(),
        2 => format!("ip daddr vmap {{ 10.9.0.2 : {other}, 127.0.0.0/8 : accept }}"),
        3 if place.below == 0 => "meta l4proto { tcp, udp } th dport vmap @verdicts".to_owned(),
        4 => format!("meta l4proto vmap {{ tcp : {other}, udp : accept }}"),
        _ => format!(
            "ip daddr . tcp dport vmap {{ 10.9.0.2 . 1-100 : {other}, 10.9.0.3 . 443 : accept }}"
        ),
    }
}

fn verdict(dice: &mut Dice, place: Place<'_>) -> String {
    if place.kind == "nat" && dice.percent(70) {
        return match (place.hook, place.family) {
            ("output", "ip6") => dice.of(&["dnat to fd09::3", "redirect"]).to_owned(),
            ("output", family) => {
                let of = if family == "inet" { "ip " } else { "" };
                let to = dice.of(&["10.9.0.3", "10.9.0.3:443", "127.0.0.1:80", "10.9.0.1:443"]);
                if to.contains(':') {
                    format!("meta l4proto {{ tcp, udp }} dnat {of}to {to}")
                } else if dice.percent(30) {
                    "tcp dport 80 redirect to :443".to_owned()
                } else {
                    format!("dnat {of}to {to}")
                }
            }
            _ => "oifname \"eth0\" masquerade".to_owned(),
        };
    }
    if place.below < place.chains && dice.percent(25) {
        let chain = place.below + dice.below(place.chains - place.below);
        return format!("{} user{chain}", dice.of(&["jump", "jump", "goto"]));
    }
    let reject = matches!(place.hook, "input" | "output");
    match dice.below(12) {
        0..=3 => "accept",
        4..=6 => "drop",
        7 => "return",
        8 => "continue",
        9 if reject => "reject",
        10 if reject => "reject with icmpx admin-prohibited",
        11 if reject => "meta l4proto tcp reject with tcp reset",
        _ => "counter",
    }
    .to_owned()
}
