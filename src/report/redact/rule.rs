//! Packet rules: which of their words are this machine's own.

/// Names of tables and chains that programs give everywhere, or that say no more than where they are.
const EVERYWHERE: &[&str] = &[
    "filter",
    "nat",
    "mangle",
    "raw",
    "security",
    "input",
    "output",
    "forward",
    "prerouting",
    "postrouting",
    "ingress",
    "egress",
    "in",
    "out",
    "inbound",
    "outbound",
    "inet",
    "ip",
    "ip6",
    "firewall",
    "firewalld",
    "fw",
    "rules",
    "global",
    "local",
    "loopback",
    "base",
    "default",
    "main",
    "accept",
    "drop",
    "reject",
    "return",
    "log",
    "queue",
    "nfqueue",
    "nflog",
    "mark",
    "connmark",
    "ct",
    "notrack",
    "masquerade",
    "snat",
    "dnat",
    "redirect",
    "tcp",
    "udp",
    "icmp",
    "icmpv6",
    "established",
];
/// What the names begin with that programs give to their own chains.
const MADE_BY_PROGRAMS: &[&str] = &[
    "ufw-", "ufw6-", "docker", "kube-", "cali-", "cilium_", "f2b-", "libvirt_", "input_",
    "output_", "filter_",
];

/// What a word of a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// An interface.
    Interface(&'a str),
    /// The name of a chain or a table.
    Label(&'a str),
    /// Its owner's words: a comment, the name of a set.
    Own(&'a str),
}

/// Whether the name of a table or chain says nothing of this machine.
pub(super) fn is_everywhere(name: &str) -> bool {
    let lower = name.to_lowercase();
    EVERYWHERE.contains(&lower.as_str())
        || MADE_BY_PROGRAMS
            .iter()
            .any(|start| lower.starts_with(start))
}

/// The words of a rule, as nft or iptables writes it, that are this machine's own.
pub(super) fn words<'a>(rule: &'a str) -> Vec<Word<'a>> {
    let mut found = Vec::new();
    let mut before = "";
    let mut within = false;
    for (word, is_quoted) in split(rule) {
        let plain = word.trim_end_matches(['+', '*', ',', ';']);
        let kind: Option<fn(&'a str) -> Word<'a>> = match before {
            "iifname" | "oifname" | "iif" | "oif" | "ibrname" | "obrname" | "sdifname" | "-i"
            | "-o" | "--in-interface" | "--out-interface" | "--physdev-in" | "--physdev-out"
            | "--oif" | "--iif" => Some(Word::Interface),
            "jump" | "goto" | "-j" | "-g" | "-A" => Some(Word::Label),
            "--comment" | "--log-prefix" | "--nflog-prefix" | "--match-set" | "--add-set"
            | "--del-set" | "--name" | "--hashlimit-name" | "--helper" | "--string"
            | "--hex-string" | "--path" | "--uid-owner" | "--gid-owner" | "--cgroup" => {
                Some(Word::Own)
            }
            _ => None,
        };
        match (kind, plain.strip_prefix('@')) {
            _ if !is_quoted && matches!(plain, "{" | "}") => within = plain == "{",
            // What is meant comes after it.
            _ if !is_quoted && matches!(plain, "!" | "!=" | "==") => continue,
            (_, Some(set)) if !is_quoted => found.push(Word::Own(set)),
            (Some(kind), _) => found.push(kind(plain)),
            (None, _) if is_quoted => found.push(Word::Own(word)),
            _ => {}
        }
        // Several in braces are all of one kind.
        if !within {
            before = word;
        }
    }
    found
}

/// The words of a rule, and which of them stand in quotes.
fn split(rule: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = rule;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let Some(said) = rest.strip_prefix('"') else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            return Some((word, false));
        };
        let mut is_escaped = false;
        let end = said.find(|c| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let word = said.get(..end.unwrap_or(said.len())).unwrap_or_default();
        rest = end
            .and_then(|end| said.get(end + 1..))
            .unwrap_or_default()
            .trim_start_matches([',', ';']);
        Some((word, true))
    })
}

#[cfg(test)]
mod tests {
    use super::Word::{Interface, Label, Own};
    use super::*;

    #[test]
    fn interfaces_sets_comments_and_chains_are_told_apart() {
        let rule = "oifname { \"ppp-a\", \"ppp-b\" } ip daddr != @banned tcp dport 443 log prefix \"x \\\" y\" jump site comment \"of us\"";
        let found = [
            Interface("ppp-a"),
            Interface("ppp-b"),
            Own("banned"),
            Own("x \\\" y"),
            Label("site"),
            Own("of us"),
        ];
        assert_eq!(words(rule), found);
        let rule = "-A site -o ppp+ -m set ! --match-set banned dst -m comment --comment \"of us\" -j DROP";
        let found = [
            Label("site"),
            Interface("ppp"),
            Own("banned"),
            Own("of us"),
            Label("DROP"),
        ];
        assert_eq!(words(rule), found);
        assert!(
            is_everywhere("DROP") && is_everywhere("ufw-user-output") && !is_everywhere("site")
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_words(text in "[\"\\\\@ a-z{},-]{0,60}") {
            let _ = words(&text);
        }
    }
}
