// The bytes of an address have no other names than their places.
#![allow(clippy::many_single_char_names)]

use std::hash::RandomState;
use std::net::IpAddr;

use proptest::prelude::*;

use super::address::{Addresses, stays};
use super::{Prose, redact};
use crate::model::firewall::{Firewall, JudgedFlow, QuotedRule, RuleProgram, Ruling, Says};
use crate::model::local::{Interface, Neighbour, NeighbourRole, NeighbourState, Prefix};
use crate::model::options::Override;
use crate::model::resolution::{Resolution, ServerAnswer, Transport};
use crate::model::target::{Kind, Target};
use crate::model::topology::TraceProtocol;
use crate::model::{Address, Endpoint, Ms, Outcome, Report};
use crate::report::{Document, Form, Style, Verbosity, fixtures, render};

/// A report full of what has to go, in fields and in running text.
struct Secret {
    v4: IpAddr,
    v6: IpAddr,
    name: &'static str,
    link: [u8; 6],
}

/// A name with a label that is no ASCII, as it is typed and as it is looked up.
const UNICODE: &str = "datenb\u{e4}nke.b\u{fc}ro-mitte.kundenfirma.example";
const NAME: &str = "xn--datenbnke-02a.xn--bro-mitte-q9a.kundenfirma.example";

fn base64(bytes: &[u8], before: usize) -> String {
    // By the book, bit by bit: another way than that of the code.
    let bits: String = std::iter::repeat_n(b'!', before)
        .chain(bytes.iter().copied())
        .flat_map(|byte| {
            (0..8)
                .rev()
                .map(move |bit| if byte >> bit & 1 == 1 { '1' } else { '0' })
        })
        .collect();
    let signs: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['+', '/'])
        .collect();
    bits.as_bytes()
        .chunks(6)
        .map(|six| {
            let text = format!("{:0<6}", std::str::from_utf8(six).unwrap());
            signs[usize::from_str_radix(&text, 2).unwrap()]
        })
        .collect()
}

impl Secret {
    /// Every form, as it is written and as it is looked for: of base64 without the ends, which hold a neighbour's bits.
    fn forms(&self) -> Vec<(String, String)> {
        let (mut all, mut encoded) = (Vec::new(), Vec::new());
        let mut texts = vec![NAME.to_owned(), UNICODE.to_owned(), self.v6.to_string()];
        if let IpAddr::V4(v4) = self.v4 {
            let [a, b, c, d] = v4.octets();
            for (w, x, y, z) in [(a, b, c, d), (d, c, b, a)] {
                for sign in [".", "-"] {
                    all.push(format!("{w}{sign}{x}{sign}{y}{sign}{z}"));
                }
            }
            texts.push(v4.to_string());
            all.push(format!("{a:02x}{b:02x}{c:02x}{d:02x}"));
            all.push(format!("{a:02X}{b:02X}{c:02X}{d:02X}"));
            all.push(format!("{}", u32::from(v4)));
        }
        if let IpAddr::V6(v6) = self.v6 {
            let groups = v6.segments().map(|s| format!("{s:04x}"));
            let digits = groups.concat();
            all.push(v6.to_string());
            all.push(v6.to_string().to_uppercase());
            all.push(groups.join(":"));
            all.push(groups.join("-"));
            all.push(
                digits
                    .chars()
                    .rev()
                    .map(String::from)
                    .collect::<Vec<_>>()
                    .join("."),
            );
            all.push(digits);
        }
        let [a, b, c, d, e, f] = self.link;
        all.push(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"));
        all.push(format!("{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{f:02X}"));
        all.push(format!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}"));
        all.push(format!(
            "{:02x}{b:02x}:{c:02x}ff:fe{d:02x}:{e:02x}{f:02x}",
            a ^ 2
        ));
        for name in [NAME, UNICODE] {
            all.push(name.to_owned());
            all.push(name.to_uppercase());
            all.push(name.replace('.', "-"));
        }
        all.extend([
            "kundenfirma.example".to_owned(),
            "build-host-17".to_owned(),
            "tun-kunde".to_owned(),
        ]);
        for text in texts {
            for before in 0..3 {
                let whole = base64(text.as_bytes(), before);
                let sought = whole[4..whole.len() - 3].to_owned();
                encoded.push((whole, sought));
            }
        }
        encoded.extend(all.into_iter().map(|form| (form.clone(), form)));
        encoded
    }

    /// All forms in sentences and commands, with what may stand around them.
    fn told(&self) -> String {
        let mut text = format!(
            "{name} ({v4}, {v6}) answers; [{v6}]:5432 and {v4}:5432 do not, from {v4}/24 dev tun-kunde: see https://{name}/geheim/pfad?x= .",
            name = self.name,
            v4 = self.v4,
            v6 = self.v6,
        );
        for (form, _) in self.forms() {
            text.push_str(&format!(" dig {form}; \"{form}\", ({form})."));
        }
        text.push_str(&format!(
            " {0}b {0} host build-host-17, other-one.kundenfirma.example, Datenb\u{c4}nke.KundenFirma.Example.",
            base64(NAME.as_bytes(), 0)
        ));
        text
    }

    fn report(&self) -> Report {
        let mut report = fixtures::all().swap_remove(3).1;
        let (v4, v6) = (Address::new(self.v4), Address::new(self.v6));
        report.source.host = Some("build-host-17".to_owned());
        report.source.interface = Some("tun-kunde".to_owned());
        report.source.address = Some(v4.clone());
        report.target = Target {
            input: format!("https://{NAME}:5432/geheim/pfad?x="),
            kind: Kind::Uri,
            host: NAME.to_owned(),
            port: Some(5432),
            uri: Some(format!("https://{NAME}:5432/geheim/pfad?x=")),
            ..report.target
        };
        report.options.source = Some(v4.clone());
        report.options.servers = vec![Endpoint::new(v6.clone(), 53)];
        report.options.baseline = Some("/home/kunde/kundenfirma.example.json".to_owned());
        report.options.interface = Some("tun-kunde".to_owned());
        report.options.resolve = vec![Override {
            host: NAME.to_owned(),
            port: 5432,
            address: v4.clone(),
        }];
        report.names.insert(
            v4.clone(),
            format!("{}.{NAME}", self.v4.to_string().replace('.', "-")),
        );
        report
            .names
            .insert(v6.clone(), "9.kundenfirma.example".to_owned());
        report.local.addresses = vec![
            v4.clone(),
            Address::scoped("fe80::77".parse().unwrap(), "tun-kunde"),
        ];
        let [a, b, c, d, e, f] = self.link;
        report.local.neighbours = vec![Neighbour {
            address: v4.clone(),
            interface: "tun-kunde".to_owned(),
            role: NeighbourRole::Gateway,
            state: NeighbourState::Reachable,
            link_address: Some(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")),
            at_ms: Ms::ZERO,
            confirmed_ms_ago: None,
        }];
        let rule = |program, family: &str, text: String| QuotedRule {
            program,
            family: family.to_owned(),
            table: "kundenfilter".to_owned(),
            chain: "zu-kunde".to_owned(),
            hook: None,
            handle: Some(7),
            is_policy: false,
            text,
        };
        let ruling = |says, rule| Ruling {
            says,
            rule: Some(rule),
            rejects: None,
            why: None,
        };
        report.local.firewall = Some(Firewall {
            programs: vec!["nft -j list ruleset".to_owned()],
            rules: 2,
            gaps: Vec::new(),
            flows: vec![JudgedFlow {
                endpoint: Endpoint::new(v4.clone(), 443),
                protocol: TraceProtocol::Tcp,
                interface: Some("tun-kunde".to_owned()),
                out: ruling(
                    Says::CantTell,
                    rule(
                        RuleProgram::Nft,
                        "inet",
                        format!(
                            "oifname \"ppp-kunde\" ip saddr {} ip daddr @kundenliste log prefix \"kunde: weg\" drop comment \"kunde: intern\"",
                            self.v4
                        ),
                    ),
                ),
                answer: Some(ruling(
                    Says::Denies,
                    rule(
                        RuleProgram::Iptables,
                        "ip",
                        format!(
                            "-A zu-kunde -s {}/32 -i ppp-kunde -m set --match-set kundenliste src -m comment --comment kundenkommentar -j DROP",
                            self.v4
                        ),
                    ),
                )),
            }],
        });
        report.local.interfaces = vec![Interface {
            name: "tun-kunde".to_owned(),
            up: true,
            carrier: true,
            state: None,
            mtu: None,
            kind: None,
            resolves_neighbours: true,
            addresses: vec![Prefix(format!("{}/24", self.v4).parse().unwrap())],
            errors: None,
        }];
        report.resolution = Some(Resolution {
            names: vec![NAME.to_owned()],
            addresses: vec![v4.clone(), v6.clone()],
            near_misses: vec!["datenbank.kundenfirma.example".to_owned()],
            servers: vec![ServerAnswer {
                address: Endpoint::new(v6.clone(), 53),
                transport: Transport::Udp,
                name: NAME.to_owned(),
                record: "A".to_owned(),
                outcome: Outcome::Ok,
                ms: None,
                answers: vec![
                    format!("CNAME {NAME}."),
                    format!("A {}", self.v4),
                    "MX 10 post.kundenfirma.example.".to_owned(),
                    format!("TXT \"{}\"", self.told()),
                ],
                extended_errors: vec![format!("Blocked (15): {}", self.told())],
                truncated: false,
                checking_disabled: false,
                observation: None,
            }],
            ..Resolution::default()
        });
        report.summary = self.told();
        let finding = &mut report.findings[0];
        finding.title = self.told();
        finding.explanation = format!("It said: Blocked (15): {}", self.told());
        let quoted = report.local.firewall.iter().flat_map(|all| &all.flows);
        let quoted = quoted.flat_map(|flow| [&flow.out].into_iter().chain(&flow.answer));
        let quoted = quoted.filter_map(|ruling| ruling.rule.as_ref());
        let quoted = quoted.map(|rule| {
            let text = crate::model::text::escape(&rule.text);
            format!(
                "a rule in chain {} of table {}: `{text}`",
                rule.chain, rule.table
            )
        });
        let quoted: Vec<String> = quoted.collect();
        finding.evidence[0].text = format!("{} {}", self.told(), quoted.join("; "));
        finding.actions[0].command = Some(format!("nwcheck tcp {NAME}:5432 -s {}", self.v4));
        finding.address = Some(v4);
        report
    }
}

/// What of a text's forms is in an output, in any case.
fn left(secret: &Secret, output: &str) -> Vec<String> {
    let lower = output.to_lowercase();
    let forms = secret
        .forms()
        .into_iter()
        .map(|(_, form)| form.to_lowercase());
    forms.filter(|form| lower.contains(form)).collect()
}

fn v4() -> impl Strategy<Value = IpAddr> {
    // Numbers of three digits, so that no form is found by chance.
    (
        prop::sample::select(vec![
            [10, 120],
            [172, 16],
            [192, 168],
            [203, 0],
            [151, 101],
            [169, 254],
            [100, 64],
        ]),
        100..255u8,
        100..255u8,
    )
        .prop_map(|([a, b], c, d)| IpAddr::from([a, b, if a == 203 { 113 } else { c }, d]))
}

fn v6() -> impl Strategy<Value = IpAddr> {
    (
        prop::sample::select(vec![0x2a00_u16, 0x2001, 0xfd12, 0xfe80, 0x3fff]),
        any::<[u16; 7]>(),
        any::<bool>(),
    )
        .prop_map(|(first, rest, sparse)| {
            let [a, b, c, d, e, f, g] = rest.map(|group| group | 0x1000);
            let middle = if sparse || first == 0xfe80 {
                [0, 0, 0, 0]
            } else {
                [a, b, c, d]
            };
            let [a, b, c, d] = middle;
            IpAddr::from([first, a, b, c, d, e, f, g])
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_form_of_any_original_is_left(v4 in v4(), v6 in v6(), tail in any::<[u8; 5]>()) {
        let [a, b, c, d, e] = tail;
        let secret = Secret { v4, v6, name: NAME, link: [0x52, a | 0x11, b, c, d, e | 0x11] };
        let mut report = secret.report();
        let original = render(Document::Report(&report), Form::Json, &Style::default()).unwrap();
        prop_assert_eq!(left(&secret, &original).len(), secret.forms().len(), "the test finds all in the original");
        redact(&mut report, &RandomState::new()).unwrap();
        prop_assert!(report.redacted);
        for (form, verbosity) in [(Form::Json, Verbosity::Normal), (Form::Jsonl, Verbosity::Normal), (Form::Text, Verbosity::Verbose)] {
            let style = Style { width: 10_000, verbosity, ..Style::default() };
            let output = render(Document::Report(&report), form, &style).unwrap();
            prop_assert_eq!(left(&secret, &output), Vec::<String>::new(), "{}", output);
            for word in ["kunde", "geheim", "pfad", "datenb", "other-one", "build-host"] {
                prop_assert!(!output.to_lowercase().contains(word), "{word}: {output}");
            }
        }
    }

    #[test]
    fn addresses_keep_family_class_prefixes_and_equality(a in v4(), b in v4(), c in v6(), d in v6(), bits in 24..32u8) {
        let addresses = Addresses::new(RandomState::new(), 0);
        for (x, y) in [(a, b), (c, d)] {
            let (mx, my) = (addresses.mapped(x), addresses.mapped(y));
            prop_assert_eq!(mx.is_ipv4(), x.is_ipv4());
            prop_assert_eq!(x == y, mx == my);
            prop_assert_eq!(Address::new(mx).is_private(), Address::new(x).is_private());
            prop_assert_eq!(mx.is_multicast(), x.is_multicast());
        }
        // Two in one prefix are in one prefix, in the same class at least.
        let net = ipnet::IpNet::new(a, bits).unwrap().trunc();
        prop_assert!(addresses.prefix(net).contains(&addresses.mapped(a)));
        let net = ipnet::IpNet::new(c, 64).unwrap().trunc();
        prop_assert!(addresses.prefix(net).contains(&addresses.mapped(c)));
    }

    #[test]
    fn any_text_is_scrubbed(text in "\\PC{0,80}", addressed in "[0-9a-f:.%/]{0,60}") {
        let originals = super::Originals::default();
        let (addresses, names) = (Addresses::new(RandomState::new(), 0), super::Names::new(RandomState::new()));
        let prose = Prose::new(&originals, &addresses, &names);
        prose.scrubbed(&addressed, &addresses, &names);
        if !text.contains(|c: char| c.is_ascii_hexdigit() || c == ':') {
            prop_assert_eq!(prose.scrubbed(&text, &addresses, &names), text);
        }
    }
}

#[test]
fn an_address_that_looks_like_loopback_backwards_is_replaced_there_too() {
    let mut originals = super::Originals::default();
    let ip: IpAddr = "10.120.100.127".parse().unwrap();
    originals.addresses.insert(ip);
    let (addresses, names) = (
        Addresses::new(RandomState::new(), 0),
        super::Names::new(RandomState::new()),
    );
    let prose = Prose::new(&originals, &addresses, &names);
    let now = prose.scrubbed("dig 127.100.120.10.in-addr.arpa", &addresses, &names);
    let expected = super::forms::reversed(addresses.mapped(ip));
    assert!(now.contains(&expected), "{now}");
    assert!(!now.contains("127.100.120.10."), "{now}");
}

#[test]
fn what_is_the_same_on_every_machine_stays() {
    let addresses = Addresses::new(RandomState::new(), 0);
    for text in [
        "127.0.0.1",
        "127.0.0.53",
        "::1",
        "0.0.0.0",
        "::",
        "255.255.255.255",
    ] {
        let ip: IpAddr = text.parse().unwrap();
        assert!(stays(ip));
        assert_eq!(addresses.mapped(ip), ip);
    }
    let everything = "0.0.0.0/0".parse().unwrap();
    assert_eq!(addresses.prefix(everything), everything);
}

#[test]
fn every_report_can_be_redacted_and_is_only_once() {
    let key = RandomState::new();
    for (name, mut report) in fixtures::all() {
        let before = report.clone();
        redact(&mut report, &key).unwrap();
        assert!(report.redacted, "{name}");
        assert_eq!(
            (report.verdict, report.cause, report.observations.len()),
            (before.verdict, before.cause, before.observations.len()),
            "{name}"
        );
        assert_ne!(report.target.host, before.target.host, "{name}");
        let once = report.clone();
        redact(&mut report, &RandomState::new()).unwrap();
        assert_eq!(report, once, "{name}");
        // The same key, the same replacements; another, others.
        let (mut same, mut other) = (before.clone(), before);
        redact(&mut same, &key).unwrap();
        redact(&mut other, &RandomState::new()).unwrap();
        assert_eq!(same.target, once.target, "{name}");
        assert_ne!(other.target.host, once.target.host, "{name}");
    }
}
