//! Rule sets of the shapes that firewalls make of themselves, as their documentation and their output describe them: long chains of their
//! own, of which few rules decide. What they hold differs from one to the next.

use std::fmt::Write as _;

use super::dice::Dice;

/// A rule set, and which program takes it.
pub(super) enum Shape {
    /// For `nft -f`.
    Nft(String),
    /// For `iptables-restore` and `ip6tables-restore`.
    Iptables(String, String),
}

/// Makes one of a shape.
type Make = fn(&mut Dice) -> Shape;

/// The shapes by their names.
pub(super) const SHAPES: [(&str, Make); 6] = [
    ("ufw", |dice| {
        let seed = dice.below(1 << 20);
        both(|v6| ufw(&mut seeded(seed), v6))
    }),
    ("fail2ban", |dice| {
        let seed = dice.below(1 << 20);
        both(|v6| fail2ban(&mut seeded(seed), v6))
    }),
    ("docker", |dice| {
        let seed = dice.below(1 << 20);
        both(|v6| docker(&mut seeded(seed), v6))
    }),
    ("kube-proxy", |dice| {
        let seed = dice.below(1 << 20);
        both(|v6| kube_proxy(&mut seeded(seed), v6))
    }),
    ("firewalld", |dice| Shape::Nft(firewalld(dice))),
    ("kube-proxy by nftables", |dice| {
        Shape::Nft(kube_proxy_by_nft(dice))
    }),
];

fn seeded(seed: usize) -> Dice {
    Dice::new(u64::try_from(seed).expect("a small number"))
}

fn both(make: impl Fn(bool) -> Vec<String>) -> Shape {
    Shape::Iptables(make(false).join("\n") + "\n", make(true).join("\n") + "\n")
}

/// Adds the lines of a text.
fn lines(all: &mut Vec<String>, text: &str) {
    all.extend(
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned),
    );
}

/// What an owner's own rules do with flows to the lab's ports.
fn own(dice: &mut Dice, chain: &str) -> Vec<String> {
    let mut rules = Vec::new();
    for _ in 0..dice.below(4) {
        let (protocol, port) = (dice.of(&["tcp", "udp"]), dice.of(&[80, 443, 7, 25]));
        let verdict = dice.of(&["ACCEPT", "ACCEPT", "DROP", "REJECT"]);
        rules.push(format!(
            "-A {chain} -p {protocol} -m {protocol} --dport {port} -j {verdict}"
        ));
    }
    rules
}

fn ufw(dice: &mut Dice, v6: bool) -> Vec<String> {
    let mut all = vec![
        "*filter".to_owned(),
        ":INPUT DROP [0:0]".to_owned(),
        ":FORWARD DROP [0:0]".to_owned(),
    ];
    let policy = if dice.percent(30) { "DROP" } else { "ACCEPT" };
    all.push(format!(":OUTPUT {policy} [0:0]"));
    let (name, icmp) = if v6 {
        ("ufw6", "icmpv6")
    } else {
        ("ufw", "icmp")
    };
    let option = if v6 { "--icmpv6-type" } else { "--icmp-type" };
    for way in ["input", "output"] {
        for part in [
            "before-logging",
            "before",
            "after",
            "after-logging",
            "reject",
            "track",
            "user",
            "skip-to-policy",
        ] {
            all.push(format!(":{name}-{part}-{way} - [0:0]"));
        }
    }
    for part in [
        "logging-deny",
        "logging-allow",
        "not-local",
        "user-limit",
        "user-limit-accept",
    ] {
        all.push(format!(":{name}-{part} - [0:0]"));
    }
    for way in ["input", "output"] {
        let hook = way.to_uppercase();
        for part in [
            "before-logging",
            "before",
            "after",
            "after-logging",
            "reject",
            "track",
        ] {
            all.push(format!("-A {hook} -j {name}-{part}-{way}"));
        }
    }
    let log = "-m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix";
    for (way, device) in [("input", "-i"), ("output", "-o")] {
        all.push(format!("-A {name}-before-{way} {device} lo -j ACCEPT"));
        all.push(format!(
            "-A {name}-before-{way} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
        ));
        if way == "input" {
            lines(
                &mut all,
                &format!(
                    "-A {name}-before-input -m conntrack --ctstate INVALID -j {name}-logging-deny
                    -A {name}-before-input -m conntrack --ctstate INVALID -j DROP
                    -A {name}-before-input -p {icmp} -m {icmp} {option} destination-unreachable -j ACCEPT
                    -A {name}-before-input -p {icmp} -m {icmp} {option} echo-request -j ACCEPT
                    -A {name}-before-input -p udp -m udp --sport 67 --dport 68 -j ACCEPT
                    -A {name}-before-input -j {name}-not-local"
                ),
            );
        }
        all.push(format!("-A {name}-before-{way} -j {name}-user-{way}"));
        all.push(format!(
            "-A {name}-after-logging-{way} {log} \"[UFW BLOCK] \""
        ));
    }
    lines(
        &mut all,
        &format!(
            "-A {name}-after-input -p udp -m udp --dport 137 -j {name}-skip-to-policy-input
            -A {name}-logging-deny -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN
            -A {name}-logging-deny {log} \"[UFW BLOCK] \"
            -A {name}-not-local -m addrtype --dst-type LOCAL -j RETURN
            -A {name}-not-local -m addrtype --dst-type MULTICAST -j RETURN
            -A {name}-not-local -m limit --limit 3/min --limit-burst 10 -j {name}-logging-deny
            -A {name}-not-local -j DROP
            -A {name}-skip-to-policy-input -j DROP
            -A {name}-skip-to-policy-output -j {policy}
            -A {name}-user-limit {log} \"[UFW LIMIT BLOCK] \"
            -A {name}-user-limit -j REJECT
            -A {name}-user-limit-accept -j ACCEPT
            -A {name}-user-input -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name DEFAULT
            -A {name}-user-input -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 --name DEFAULT -j {name}-user-limit
            -A {name}-user-input -p tcp -m tcp --dport 22 -j {name}-user-limit-accept"
        ),
    );
    all.extend(own(dice, &format!("{name}-user-output")));
    if policy == "ACCEPT" {
        for protocol in ["tcp", "udp"] {
            all.push(format!(
                "-A {name}-track-output -p {protocol} -m conntrack --ctstate NEW -j ACCEPT"
            ));
        }
    }
    all.push("COMMIT".to_owned());
    all
}

fn fail2ban(dice: &mut Dice, v6: bool) -> Vec<String> {
    let mut all = Vec::new();
    lines(
        &mut all,
        "*filter
        :INPUT ACCEPT [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :f2b-sshd - [0:0]
        :f2b-web - [0:0]
        :f2b-all - [0:0]
        -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
        -A INPUT -p tcp -m multiport --dports 80,443 -j f2b-web
        -A INPUT -p tcp -j f2b-all",
    );
    for chain in ["f2b-sshd", "f2b-web", "f2b-all"] {
        for number in 0..40 {
            let from = if v6 {
                format!("2001:db8::{number:x}/128")
            } else {
                format!("203.0.113.{number}/32")
            };
            all.push(format!("-A {chain} -s {from} -j REJECT"));
        }
    }
    // One that the lab sends to is banned, too.
    if dice.percent(50) {
        let from = if v6 { "fd09::3/128" } else { "10.9.0.3/32" };
        all.push(format!("-A f2b-all -s {from} -j REJECT"));
    }
    lines(
        &mut all,
        "-A f2b-sshd -j RETURN\n-A f2b-web -j RETURN\n-A f2b-all -j RETURN",
    );
    all.extend(own(dice, "OUTPUT"));
    all.push("COMMIT".to_owned());
    all
}

fn docker(dice: &mut Dice, v6: bool) -> Vec<String> {
    let (inside, loopback) = if v6 {
        ("fd17::", "::1/128")
    } else {
        ("172.17.0.", "127.0.0.0/8")
    };
    let (net, first) = if v6 {
        ("fd17::/64", "[fd17::2]")
    } else {
        ("172.17.0.0/16", "172.17.0.2")
    };
    let mut all = Vec::new();
    lines(
        &mut all,
        &format!(
            "*nat
            :PREROUTING ACCEPT [0:0]
            :INPUT ACCEPT [0:0]
            :OUTPUT ACCEPT [0:0]
            :POSTROUTING ACCEPT [0:0]
            :DOCKER - [0:0]
            -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
            -A OUTPUT ! -d {loopback} -m addrtype --dst-type LOCAL -j DOCKER
            -A POSTROUTING -s {net} ! -o docker0 -j MASQUERADE
            -A DOCKER -i docker0 -j RETURN
            -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination {first}:80
            COMMIT
            *filter
            :INPUT ACCEPT [0:0]
            :FORWARD DROP [0:0]
            :OUTPUT ACCEPT [0:0]
            :DOCKER - [0:0]
            :DOCKER-USER - [0:0]
            :DOCKER-ISOLATION-STAGE-1 - [0:0]
            :DOCKER-ISOLATION-STAGE-2 - [0:0]
            -A FORWARD -j DOCKER-USER
            -A FORWARD -j DOCKER-ISOLATION-STAGE-1
            -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A FORWARD -o docker0 -j DOCKER
            -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
            -A DOCKER -d {inside}2 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
            -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
            -A DOCKER-ISOLATION-STAGE-1 -j RETURN
            -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
            -A DOCKER-ISOLATION-STAGE-2 -j RETURN
            -A DOCKER-USER -j RETURN"
        ),
    );
    all.extend(own(dice, "OUTPUT"));
    all.push("COMMIT".to_owned());
    all
}

fn kube_proxy(dice: &mut Dice, v6: bool) -> Vec<String> {
    let address = |host: &str| {
        if v6 {
            format!("fd09::{host}")
        } else {
            format!("10.9.0.{host}")
        }
    };
    let (bits, service) = if v6 {
        (128, "fd96::")
    } else {
        (32, "10.96.0.")
    };
    let bare = |host: &str, port: u16| {
        let address: std::net::IpAddr = address(host).parse().expect("an address");
        std::net::SocketAddr::new(address, port)
    };
    let services = 12;
    let mut nat = Vec::new();
    lines(
        &mut nat,
        "*nat
        :PREROUTING ACCEPT [0:0]
        :INPUT ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :POSTROUTING ACCEPT [0:0]
        :KUBE-SERVICES - [0:0]
        :KUBE-NODEPORTS - [0:0]
        :KUBE-POSTROUTING - [0:0]
        :KUBE-MARK-MASQ - [0:0]",
    );
    for number in 0..services {
        nat.push(format!(":KUBE-SVC-{number:04} - [0:0]"));
        nat.push(format!(":KUBE-SEP-{number:04}A - [0:0]"));
        nat.push(format!(":KUBE-SEP-{number:04}B - [0:0]"));
    }
    lines(
        &mut nat,
        "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES
        -A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES
        -A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING
        -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
        -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
        -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
        -A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully",
    );
    for number in 0..services {
        // The last of them has an address that the lab sends to.
        let at = match number {
            11 => format!("{}/{bits}", address("3")),
            _ => format!("{service}{}/{bits}", number + 1),
        };
        let of = format!("-m comment --comment \"shop/part-{number}:web\"");
        lines(
            &mut nat,
            &format!(
                "-A KUBE-SERVICES -d {at} -p tcp {of} -m tcp --dport 80 -j KUBE-SVC-{number:04}
                -A KUBE-SVC-{number:04} -d {at} -p tcp {of} -m tcp --dport 80 -j KUBE-MARK-MASQ
                -A KUBE-SVC-{number:04} {of} -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-{number:04}A
                -A KUBE-SVC-{number:04} {of} -j KUBE-SEP-{number:04}B
                -A KUBE-SEP-{number:04}A -s {own}/{bits} {of} -j KUBE-MARK-MASQ
                -A KUBE-SEP-{number:04}A -p tcp {of} -m tcp -j DNAT --to-destination {a}
                -A KUBE-SEP-{number:04}B -p tcp {of} -m tcp -j DNAT --to-destination {b}",
                own = address("2"),
                a = bare("2", 80),
                b = bare("2", 443),
            ),
        );
    }
    lines(
        &mut nat,
        "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
        COMMIT
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        :KUBE-EXTERNAL-SERVICES - [0:0]
        :KUBE-FIREWALL - [0:0]
        :KUBE-FORWARD - [0:0]
        :KUBE-NODEPORTS - [0:0]
        :KUBE-PROXY-FIREWALL - [0:0]
        :KUBE-SERVICES - [0:0]
        -A INPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
        -A INPUT -j KUBE-NODEPORTS
        -A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
        -A INPUT -j KUBE-FIREWALL
        -A OUTPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
        -A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
        -A OUTPUT -j KUBE-FIREWALL
        -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
        -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
    );
    if !v6 {
        nat.push("-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP".to_owned());
    }
    nat.push("-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP".to_owned());
    // A service without endpoints.
    if dice.percent(60) {
        let to = address("3");
        nat.push(format!("-A KUBE-SERVICES -d {to}/{bits} -p tcp -m tcp --dport 443 -m comment --comment \"shop/none has no endpoints\" -j REJECT"));
    }
    nat.extend(own(dice, "OUTPUT"));
    nat.push("COMMIT".to_owned());
    nat
}

fn firewalld(dice: &mut Dice) -> String {
    let mut text = "table inet firewalld {\n".to_owned();
    let mut deny = String::new();
    for _ in 0..dice.below(4) {
        let (protocol, port) = (dice.of(&["tcp", "udp"]), dice.of(&[80, 443, 7]));
        let verdict = dice.of(&["drop", "reject", "reject with icmpx admin-prohibited"]);
        let _ = writeln!(deny, "{protocol} dport {port} {verdict};");
    }
    let zone = |text: &mut String, name: &str, allow: &str| {
        for part in ["pre", "log", "deny", "post"] {
            let _ = writeln!(text, "chain filter_{name}_{part} {{ }}");
        }
        let _ = writeln!(text, "chain filter_{name}_allow {{ {allow} }}");
    };
    for set in [
        "INPUT_POLICIES_pre",
        "INPUT_POLICIES_post",
        "OUTPUT_POLICIES_post",
    ] {
        let _ = writeln!(text, "chain filter_{set} {{ }}");
    }
    let _ = writeln!(text, "chain filter_OUTPUT_POLICIES_pre {{ {deny} }}");
    zone(
        &mut text,
        "IN_public",
        "tcp dport 22 accept; ip6 daddr fe80::/64 udp dport 546 accept;",
    );
    let last = dice.of(&["reject with icmpx admin-prohibited;", "drop;", ""]);
    let _ = writeln!(
        text,
        "chain filter_IN_public {{
            jump filter_INPUT_POLICIES_pre; jump filter_IN_public_pre; jump filter_IN_public_log; jump filter_IN_public_deny;
            jump filter_IN_public_allow; jump filter_IN_public_post; jump filter_INPUT_POLICIES_post;
            meta l4proto {{ icmp, icmpv6 }} accept; {last}
        }}
        chain filter_INPUT_ZONES {{ iifname \"eth0\" goto filter_IN_public; goto filter_IN_public; }}
        chain mangle_PREROUTING {{ type filter hook prerouting priority mangle + 10; policy accept;
            icmpv6 type {{ nd-neighbor-advert, nd-neighbor-solicit, nd-router-advert, nd-router-solicit }} accept;
            meta nfproto ipv6 fib saddr . mark . iif oif missing drop; }}
        chain nat_PREROUTING {{ type nat hook prerouting priority dstnat + 10; policy accept; }}
        chain nat_POSTROUTING {{ type nat hook postrouting priority srcnat + 10; policy accept; }}
        chain filter_PREROUTING {{ type filter hook prerouting priority filter + 10; policy accept; }}
        chain filter_INPUT {{ type filter hook input priority filter + 10; policy accept;
            ct state {{ established, related }} accept; ct status dnat accept; iifname \"lo\" accept; ct state invalid drop;
            jump filter_INPUT_ZONES; reject with icmpx admin-prohibited; }}
        chain filter_OUTPUT {{ type filter hook output priority filter + 10; policy accept;
            ct state {{ established, related }} accept; oifname \"lo\" accept;
            ip6 daddr {{ ::/96, ::ffff:0.0.0.0/96, 2002:a00::/24, 2002:7f00::/24 }} reject with icmpv6 addr-unreachable;
            jump filter_OUTPUT_POLICIES_pre; jump filter_OUTPUT_POLICIES_post; }}
        }}"
    );
    text
}

fn kube_proxy_by_nft(dice: &mut Dice) -> String {
    let mut text = String::new();
    for (family, kind, service, own, other) in [
        ("ip", "ipv4_addr", "10.96.0.", "10.9.0.2", "10.9.0.3"),
        ("ip6", "ipv6_addr", "fd96::", "fd09::2", "fd09::3"),
    ] {
        let mut chains = String::new();
        let mut elements = Vec::new();
        for number in 1..12 {
            let to = |port: u16| match family {
                "ip" => format!("{own}:{port}"),
                _ => format!("[{own}]:{port}"),
            };
            let _ = writeln!(
                chains,
                "chain endpoint-{number}a {{ {family} saddr {own} jump mark-for-masquerade; meta l4proto tcp dnat to {a}; }}
                chain endpoint-{number}b {{ meta l4proto tcp dnat to {b}; }}
                chain service-{number} {{ numgen random mod 2 vmap {{ 0 : goto endpoint-{number}a, 1 : goto endpoint-{number}b }}; }}",
                a = to(80),
                b = to(443),
            );
            elements.push(format!(
                "{service}{number} . tcp . 80 : goto service-{number}"
            ));
        }
        elements.push(format!("{other} . tcp . 80 : goto service-1"));
        let mut none = format!("{service}99 . tcp . 80 : goto reject-chain");
        if dice.percent(60) {
            let verdict = dice.of(&["drop", "goto reject-chain"]);
            let _ = write!(none, ", {other} . tcp . 443 : {verdict}");
        }
        let _ = writeln!(
            text,
            "table {family} kube-proxy {{
            set cluster-ips {{ type {kind}; elements = {{ {service}1, {service}2 }}; }}
            chain mark-for-masquerade {{ meta mark set meta mark | 0x4000; }}
            chain reject-chain {{ reject; }}
            {chains}
            map service-ips {{ type {kind} . inet_proto . inet_service : verdict; elements = {{ {} }}; }}
            map no-endpoint-services {{ type {kind} . inet_proto . inet_service : verdict; elements = {{ {none} }}; }}
            chain services {{ {family} daddr . meta l4proto . th dport vmap @service-ips; }}
            chain service-endpoints-check {{ {family} daddr . meta l4proto . th dport vmap @no-endpoint-services; }}
            chain filter-output {{ type filter hook output priority -110; policy accept; ct state new jump service-endpoints-check; }}
            chain filter-input {{ type filter hook input priority -110; policy accept; ct state new jump service-endpoints-check; }}
            chain cluster-ips-check {{ {family} daddr @cluster-ips drop; }}
            chain filter-output-post-dnat {{ type filter hook output priority -90; policy accept; ct state new jump cluster-ips-check; }}
            chain nat-output {{ type nat hook output priority -100; policy accept; jump services; }}
            chain masquerading {{ meta mark & 0x4000 == 0 return; meta mark set meta mark ^ 0x4000; masquerade fully-random; }}
            chain nat-postrouting {{ type nat hook postrouting priority srcnat; policy accept; jump masquerading; }}
            }}",
            elements.join(", ")
        );
    }
    text
}
